# Everything that the project uses, found on the system or under .deps/prefix; CMake downloads nothing.
if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW)  # Boost by its own CMake package: newer CMake has no module for it.
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(libpqxx 7.10 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED libsystemd)  # its headers: what is there of it is loaded by lib/observe/systemd.cpp
# The core alone: by its CMake package one would have to have what its HTTP parts need as well.
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core>=1.0)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(CCTZ_INCLUDE_DIR cctz/time_zone.h REQUIRED)
find_library(CCTZ_LIBRARY cctz REQUIRED)

add_library(oiab_asio INTERFACE)
target_link_libraries(oiab_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(oiab_asio INTERFACE BOOST_ASIO_NO_DEPRECATED)

add_library(oiab_toml INTERFACE)
target_include_directories(oiab_toml SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})

add_library(oiab_cli11 INTERFACE)
target_include_directories(oiab_cli11 SYSTEM INTERFACE ${CLI11_INCLUDE_DIR})

add_library(oiab_cctz INTERFACE)
target_include_directories(oiab_cctz SYSTEM INTERFACE ${CCTZ_INCLUDE_DIR})
target_link_libraries(oiab_cctz INTERFACE ${CCTZ_LIBRARY})

if(OIAB_TESTS)
  find_package(Catch2 3.5 REQUIRED)
endif()
