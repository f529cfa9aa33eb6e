# Builds everything with AddressSanitizer and UndefinedBehaviorSanitizer, and runs the tests of the library in that build.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGV}: ${status}\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -DDISCO_SANITIZE=ON -DCMAKE_C_COMPILER=${CC} -DDISCO_VECTORS=${VECTORS})
run(${CMAKE_COMMAND} --build ${BUILD} --parallel 2)
run(${CMAKE_CTEST_COMMAND} --test-dir ${BUILD} --output-on-failure
    -R "^(frames|messages|sessions|records|inputs|outputs|shuffle|process|client|pack|memory|external)$")
