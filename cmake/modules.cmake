# ht_module(NAME [MODULES a b ...] [LIBRARIES x y ...])
#
# One static library for src/NAME (every .cc below it but the tests), and one test binary NAME_test
# made of its *_test.cc files. MODULES are other modules it may include; tools/check_layers.py checks
# that they stand on a lower level.
function(ht_module name)
  cmake_parse_arguments(ARG "" "" "MODULES;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(ht_${name} STATIC ${sources})
  target_include_directories(ht_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_MODULES PREPEND ht_)
  target_link_libraries(ht_${name} PUBLIC ${ARG_MODULES} ${ARG_LIBRARIES})
  set_property(TARGET ht_${name} PROPERTY HT_MODULES ${ARG_MODULES})
  if(tests)
    set_property(GLOBAL APPEND PROPERTY HT_TESTED_MODULES ${name})
    set_property(GLOBAL PROPERTY HT_TESTS_OF_${name} ${tests})
  endif()
endfunction()

# ht_modules_of(OUT TARGET...): these modules' targets and those of all modules below that they use.
function(ht_modules_of out)
  set(found)
  set(open ${ARGN})
  while(open)
    list(POP_FRONT open target)
    if(NOT target IN_LIST found)
      list(APPEND found ${target})
      get_target_property(uses ${target} HT_MODULES)
      if(uses)
        list(APPEND open ${uses})
      endif()
    endif()
  endwhile()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# ht_test(NAME SOURCES ... [LIBRARIES ...] [TIMEOUT seconds] [LABELS ...])
#
# One GoogleTest binary, run by ctest as one test.
function(ht_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # Much of the time of a build went into making the tests' own code fast.
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# The test binaries of all modules declared so far.
function(ht_add_module_tests)
  get_property(modules GLOBAL PROPERTY HT_TESTED_MODULES)
  foreach(name ${modules})
    get_property(sources GLOBAL PROPERTY HT_TESTS_OF_${name})
    ht_test(${name}_test SOURCES ${sources} LIBRARIES ht_${name} ht_test_support LABELS unit)
  endforeach()
endfunction()
