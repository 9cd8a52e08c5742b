# The target httpteleport: the library of include/httpteleport, for programs that embed links.
#
# Shared, it is the objects of src/api and whatever of the other modules these need, and shows only
# what the public headers declare. Static, it has the objects of all of these modules, so that it is
# all of a program's link line but the system's libraries.
include(GNUInstallDirs)

set(ht_library_needs PkgConfig::OPENSSL PkgConfig::ZLIB PkgConfig::ISAL PkgConfig::ZSTD
                      Snappy::snappy)
ht_modules_of(ht_library_modules ht_api)

if(BUILD_SHARED_LIBS)
  add_library(httpteleport SHARED $<TARGET_OBJECTS:ht_api>)
  list(REMOVE_ITEM ht_library_modules ht_api)
  set(ht_library_script ${CMAKE_CURRENT_LIST_DIR}/httpteleport.map)
  target_link_libraries(httpteleport PRIVATE $<BUILD_INTERFACE:${ht_library_modules}>)
  target_link_options(httpteleport PRIVATE LINKER:--as-needed
                      LINKER:--version-script=${ht_library_script})
  set_target_properties(httpteleport PROPERTIES LINK_DEPENDS ${ht_library_script})
else()
  list(TRANSFORM ht_library_modules REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>"
       OUTPUT_VARIABLE ht_library_objects)
  add_library(httpteleport STATIC ${ht_library_objects})
  target_link_libraries(httpteleport PRIVATE
    "$<BUILD_INTERFACE:${ht_library_needs}>"
    "$<INSTALL_INTERFACE:OpenSSL::SSL;OpenSSL::Crypto;ZLIB::ZLIB;PkgConfig::HTTPTELEPORT_ISAL;PkgConfig::HTTPTELEPORT_ZSTD;Snappy::snappy>")
endif()
add_library(httpteleport::httpteleport ALIAS httpteleport)
target_link_libraries(httpteleport PUBLIC Threads::Threads)
target_compile_features(httpteleport INTERFACE cxx_std_20)

# Before 1.0, a minor version may change the ABI; from 1.0 on only a major one may.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(ht_library_soversion 0.${PROJECT_VERSION_MINOR})
  set(ht_library_compatibility SameMinorVersion)
else()
  set(ht_library_soversion ${PROJECT_VERSION_MAJOR})
  set(ht_library_compatibility SameMajorVersion)
endif()
set_target_properties(httpteleport PROPERTIES VERSION ${PROJECT_VERSION}
                      SOVERSION ${ht_library_soversion} LINKER_LANGUAGE CXX)
file(GLOB ht_library_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/httpteleport/*.h)
target_sources(httpteleport PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/include
                                   FILES ${ht_library_headers})
