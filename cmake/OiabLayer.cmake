# A layer is a folder of lib/, a namespace and a static library of the same name.
#
#   oiab_layer(queue USES core pg PRIVATE libpqxx::pqxx)
#
# USES      layers below, visible to whoever links this one
# PUBLIC    further libraries, visible likewise
# PRIVATE   libraries for the layer's own sources only
#
# Each layer has an include directory that holds nothing but itself, so including a layer that one does not link
# fails to compile. Files of <layer>/sql become <layer>/sql.hpp.
set(OIAB_INCLUDE_ROOT ${CMAKE_BINARY_DIR}/include)

function(oiab_layer name)
  cmake_parse_arguments(ARG "" "" "USES;PUBLIC;PRIVATE" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/lib/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp ${dir}/*.hpp)
  file(GLOB statements CONFIGURE_DEPENDS ${dir}/sql/*.sql)

  set(root ${OIAB_INCLUDE_ROOT}/${name})
  file(MAKE_DIRECTORY ${root}/${name})
  # One link a file rather than one for the folder, so that generated headers can stand beside them.
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${dir} ${dir}/*.hpp)
  foreach(header IN LISTS headers)
    file(CREATE_LINK ${dir}/${header} ${root}/${name}/${header} SYMBOLIC)
  endforeach()

  set(generated)
  if(statements)
    set(generated ${root}/${name}/sql.hpp)
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated} -DLAYER=${name} -DDIRECTORY=${dir}/sql
              -P ${CMAKE_SOURCE_DIR}/cmake/EmbedStatements.cmake
      DEPENDS ${statements} ${CMAKE_SOURCE_DIR}/cmake/EmbedStatements.cmake
      COMMENT "Embedding lib/${name}/sql"
      VERBATIM)
  endif()

  list(LENGTH sources count)
  if(NOT sources MATCHES "\\.cpp")
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cpp.in "// A layer of headers only.\n")
    configure_file(${CMAKE_BINARY_DIR}/empty_${name}.cpp.in ${CMAKE_BINARY_DIR}/empty_${name}.cpp COPYONLY)
    list(APPEND sources ${CMAKE_BINARY_DIR}/empty_${name}.cpp)
  endif()
  add_library(${name} STATIC ${sources} ${generated})
  add_library(oiab::${name} ALIAS ${name})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME oiab_${name})
  target_include_directories(${name} PUBLIC ${root})
  list(TRANSFORM ARG_USES PREPEND oiab:: OUTPUT_VARIABLE uses)
  target_link_libraries(${name} PUBLIC ${uses} ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE} oiab_warnings)
endfunction()
