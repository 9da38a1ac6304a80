# Compiler settings that every target shares.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
# -O3 makes coroutine-heavy units slow to compile, and the time of a job is spent in PostgreSQL anyway.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# Every target of the project links this one; third-party headers come in as SYSTEM and stay silent.
add_library(oiab_warnings INTERFACE)
target_compile_options(oiab_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # As GCC has it: whoever names the members of an aggregate means the rest to have their defaults.
  target_compile_options(oiab_warnings INTERFACE -Wno-missing-designated-field-initializers)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 loses sight of a coroutine frame's own operator new when it inlines, and takes its operator delete for another's.
  target_compile_options(oiab_warnings INTERFACE -Wno-mismatched-new-delete)
endif()
if(OIAB_WERROR)
  target_compile_options(oiab_warnings INTERFACE -Werror)
endif()

if(OIAB_SANITIZE)
  add_compile_options(-fsanitize=${OIAB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OIAB_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own sanitizer instrumentation provokes false positives of these two.
    target_compile_options(oiab_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()
