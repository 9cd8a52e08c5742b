# Warnings, sanitizers and ccache, the same for every target.
find_program(HT_CCACHE ccache)
if(HT_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${HT_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HT_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wconversion
                    "$<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Woverloaded-virtual>"
                    -fno-strict-aliasing -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE)
if(HT_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  string(REPLACE "-O2" "-O2 -g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
  string(REPLACE "-O2 -g1 -g" "-O2 -g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(HT_DEBUG_CHECKS=1)
endif()
if(HT_SANITIZE)
  # -g1: lines for the reports; more costs a quarter of the build.
  add_compile_options(-fsanitize=${HT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${HT_SANITIZE})
endif()
if(HT_COVERAGE)
  # Clang's, of source regions; scripts/coverage reads it.
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
