# SPDX-License-Identifier: Apache-2.0
# Functions that declare a layer and its tests. Nothing here acts on a whole directory.

add_library(pact_build_flags INTERFACE)
target_compile_features(pact_build_flags INTERFACE cxx_std_20)
target_compile_options(
  pact_build_flags
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
            # Designated initialisers leave out what keeps its default.
            -Wno-missing-field-initializers
            # Floating point means what it says, on every machine.
            -ffp-contract=off $<$<BOOL:${PACT_WERROR}>:-Werror>)
if(PACT_SANITIZE)
  target_compile_options(pact_build_flags INTERFACE -fsanitize=${PACT_SANITIZE}
                                                    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(pact_build_flags INTERFACE -fsanitize=${PACT_SANITIZE})
endif()

# pact_add_layer(name SOURCES .. PUBLIC_HEADERS .. DEPENDS .. THIRD_PARTY ..)
# PUBLIC_HEADERS are installed; each must compile alone.
function(pact_add_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC_HEADERS;DEPENDS;THIRD_PARTY" ${ARGN})
  add_library(pact_${name} STATIC ${ARG_SOURCES})
  add_library(pact::${name} ALIAS pact_${name})
  set_target_properties(pact_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(pact_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                 $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
  target_compile_features(pact_${name} PUBLIC cxx_std_20)
  if(ARG_PUBLIC_HEADERS)
    list(TRANSFORM ARG_PUBLIC_HEADERS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    target_sources(pact_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}
                                       FILES ${ARG_PUBLIC_HEADERS})
    set_target_properties(pact_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PACT_BUILD_TESTS}
                                                  POSITION_INDEPENDENT_CODE ON)
  endif()
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(pact_${name} PUBLIC pact_${dependency})
  endforeach()
  target_link_libraries(pact_${name} PRIVATE $<BUILD_INTERFACE:pact_build_flags> ${ARG_THIRD_PARTY})
endfunction()

# pact_add_test(name SOURCES .. LIBRARIES .. [LABELS ..] [HEADERS ..]): one executable of GoogleTest cases.
# HEADERS names the target whose precompiled headers it uses; without it, those of the first test.
# Stops the configure when the folder holds a *_test.cpp that no call has registered.
function(pact_add_test name)
  if(NOT PACT_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT;HEADERS" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(pact_${name}_test ${ARG_SOURCES})
  target_link_libraries(pact_${name}_test PRIVATE pact_build_flags ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(NOT ARG_HEADERS)
    target_compile_options(pact_${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  target_compile_definitions(pact_${name}_test PRIVATE PACT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  get_property(first_test GLOBAL PROPERTY PACT_FIRST_TEST)
  if(ARG_HEADERS)
    target_precompile_headers(pact_${name}_test REUSE_FROM ${ARG_HEADERS})
  elseif(first_test)
    target_precompile_headers(pact_${name}_test REUSE_FROM ${first_test})
  else()
    target_precompile_headers(pact_${name}_test PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
    set_property(GLOBAL PROPERTY PACT_FIRST_TEST pact_${name}_test)
  endif()
  add_test(NAME ${name} COMMAND pact_${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  set_property(DIRECTORY APPEND PROPERTY PACT_REGISTERED_TESTS ${ARG_SOURCES})
  cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY [[${CMAKE_CURRENT_SOURCE_DIR}]]
                                           CALL pact_check_tests_registered)")
endfunction()

function(pact_check_tests_registered)
  get_property(registered DIRECTORY PROPERTY PACT_REGISTERED_TESTS)
  file(GLOB present RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *_test.cpp)
  foreach(file IN LISTS present)
    if(NOT file IN_LIST registered)
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${file} is not registered with pact_add_test")
    endif()
  endforeach()
endfunction()
