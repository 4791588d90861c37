# GV_SANITIZE=address,undefined | thread | fuzzer-no-link,address,undefined
set(GV_SANITIZE "" CACHE STRING "Sanitizers to build everything with")
if(GV_SANITIZE)
  add_compile_options(-fsanitize=${GV_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GV_SANITIZE})
  add_compile_definitions(GV_SANITIZED)
endif()
