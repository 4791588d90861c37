# SPDX-License-Identifier: MIT
# exports.cmake - fail if a plugin exports anything but gv_plugin.
#   cmake -DNM=nm -DFILE=x.so -P tests/abi/exports.cmake
execute_process(COMMAND ${NM} -D --defined-only ${FILE}
  OUTPUT_VARIABLE lines RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${NM} failed on ${FILE}")
endif()
string(REGEX MATCHALL "[^ \n]+\n" names "${lines}")
if(NOT names STREQUAL "gv_plugin\n")
  message(FATAL_ERROR
    "${FILE} exports: ${lines}expected gv_plugin alone; make the rest static")
endif()
