# Writes a source file that holds the migrations, in the order of DIRECTORY/migrations.cmake, as name and text.
include(${DIRECTORY}/migrations.cmake)
set(text "#include \"pg/migrations.hpp\"\n\nnamespace oiab::pg {\n\n")
set(rows "")
foreach(name IN LISTS OIAB_MIGRATIONS)
  file(READ ${DIRECTORY}/${name} sql)
  string(MAKE_C_IDENTIFIER ${name} id)
  # A string literal may hold 64 KiB by the standard; longer files would have to be split anyway.
  string(APPEND text "static constexpr char k_${id}[] = R\"__sql__(${sql})__sql__\";\n\n")
  string(APPEND rows "        {\"${name}\", k_${id}},\n")
endforeach()
string(APPEND text "std::span<const Migration> migrations() {\n    static constexpr Migration kAll[] = {\n${rows}    };\n    return kAll;\n}\n\n}  // namespace oiab::pg\n")
file(WRITE ${OUTPUT} "${text}")
