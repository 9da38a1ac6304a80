# The client library for other people's programs: the layer `producer` and oiab/client.hpp, installed with a CMake package.
#
#   cmake --install build --component client --prefix /usr/local
#   find_package(oiabd-client REQUIRED)
#   target_link_libraries(mine PRIVATE oiabd::client)
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(oiabd_client STATIC $<TARGET_OBJECTS:producer>)
set_target_properties(oiabd_client PROPERTIES OUTPUT_NAME oiabd-client EXPORT_NAME client LINKER_LANGUAGE CXX)
target_include_directories(oiabd_client INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(oiabd_client INTERFACE cxx_std_17)

set(client_package ${CMAKE_INSTALL_LIBDIR}/cmake/oiabd-client)
install(TARGETS oiabd_client EXPORT oiabd-client ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(FILES ${CMAKE_SOURCE_DIR}/lib/include/oiab/client.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/oiab COMPONENT client)
install(EXPORT oiabd-client NAMESPACE oiabd:: FILE oiabd-client-targets.cmake DESTINATION ${client_package} COMPONENT client)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/oiabd-client-config.cmake.in
  ${CMAKE_BINARY_DIR}/oiabd-client-config.cmake INSTALL_DESTINATION ${client_package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/oiabd-client-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/oiabd-client-config.cmake ${CMAKE_BINARY_DIR}/oiabd-client-config-version.cmake
              ${CMAKE_SOURCE_DIR}/cmake/Findlibpqxx.cmake
        DESTINATION ${client_package} COMPONENT client)
