# gv_plugin(NAME SOURCE...): a plugin NAME.so in <build>/plugins.
function(gv_plugin name)
  add_library(plugin_${name} MODULE ${ARGN})
  target_include_directories(plugin_${name}
    PRIVATE ${CMAKE_SOURCE_DIR}/include)
  set_target_properties(plugin_${name} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
endfunction()
