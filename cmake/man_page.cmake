# cmake -D TEMPLATE=... [-D FLAGS=...] -D SCDOC=... -D OUTPUT=... -P man_page.cmake
#
# Renders a man page from scdoc's markup, with what `FLAGS man` prints in the place of @OPTIONS@.
if(FLAGS)
  execute_process(COMMAND ${FLAGS} man OUTPUT_VARIABLE OPTIONS COMMAND_ERROR_IS_FATAL ANY)
endif()
get_filename_component(folder ${OUTPUT} DIRECTORY)
file(MAKE_DIRECTORY ${folder})
configure_file(${TEMPLATE} ${OUTPUT}.scd @ONLY)
execute_process(COMMAND ${SCDOC} INPUT_FILE ${OUTPUT}.scd OUTPUT_FILE ${OUTPUT}
                COMMAND_ERROR_IS_FATAL ANY)
