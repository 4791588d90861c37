# Programs for people are optimised as a whole, across floors: a relayed message
# passes a dozen small functions of five of them.  The floors' objects hold
# both forms; what is not named to gv_whole links the usual one, in which tests
# can wrap functions.  Who asks for -flto by himself gets what he asked for.
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND
   CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT GV_SANITIZE AND
   NOT CMAKE_C_FLAGS MATCHES "-flto" AND
   NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT GV_WHOLE OUTPUT GV_WHOLE_WHY LANGUAGES C)
endif()
if(GV_WHOLE)
  set(GV_WHOLE_COMPILE -flto -ffat-lto-objects)
  set(GV_WHOLE_LINK -flto=auto)
  add_link_options(-fno-lto)
endif()

function(gv_whole)
  foreach(program IN LISTS ARGN)
    get_target_property(options ${program} LINK_OPTIONS)
    list(REMOVE_ITEM options -fno-lto) # it wins wherever it stands
    set_target_properties(${program} PROPERTIES
      LINK_OPTIONS "${options};${GV_WHOLE_LINK}")
  endforeach()
endfunction()
