# Finds libpqxx by its own CMake package, or by pkg-config where a distribution built it without (Debian 13). Either
# way the target is libpqxx::pqxx.
find_package(libpqxx ${libpqxx_FIND_VERSION} CONFIG QUIET)
if(NOT TARGET libpqxx::pqxx)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(LIBPQXX QUIET IMPORTED_TARGET GLOBAL "libpqxx>=${libpqxx_FIND_VERSION}")
  endif()
  if(TARGET PkgConfig::LIBPQXX)
    add_library(libpqxx::pqxx ALIAS PkgConfig::LIBPQXX)
    set(libpqxx_VERSION ${LIBPQXX_VERSION})
  endif()
endif()

include(FindPackageHandleStandardArgs)
if(TARGET libpqxx::pqxx)
  set(libpqxx_target libpqxx::pqxx)
endif()
find_package_handle_standard_args(libpqxx REQUIRED_VARS libpqxx_target VERSION_VAR libpqxx_VERSION)
