# SPDX-License-Identifier: Apache-2.0
# What others link: pact::runtime with its headers and package files.
include(CMakePackageConfigHelpers)

set(PACT_EXPORTED pact_base pact_numeric pact_format pact_kernels pact_runtime)
install(
  TARGETS ${PACT_EXPORTED}
  EXPORT pactTargets
  FILE_SET HEADERS)
install(TARGETS pact)
install(EXPORT pactTargets NAMESPACE pact:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pact)
configure_package_config_file(cmake/pactConfig.cmake.in pactConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pact)
write_basic_package_version_file(pactConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pactConfig.cmake ${PROJECT_BINARY_DIR}/pactConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pact)
