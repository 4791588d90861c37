# Warning flags of every target.  -Werror comes with GV_WERROR (CI, dev).
option(GV_WERROR "Treat warnings as errors" OFF)
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2
  -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wswitch-enum -Wundef)
if(GV_WERROR)
  add_compile_options(-Werror)
endif()
