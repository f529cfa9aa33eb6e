# The library keeps no state of its own: nothing in it can be written to but what a caller gave it.
execute_process(COMMAND size -A ${LIBRARY} OUTPUT_VARIABLE sections RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT sections MATCHES "session.c.o")
  message(FATAL_ERROR "size cannot read ${LIBRARY}")
endif()
if(sections MATCHES "\n\\.(data|bss|tdata|tbss) +[1-9]")
  message(FATAL_ERROR "there is global state:\n${sections}")
endif()
