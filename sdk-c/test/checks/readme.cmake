# The README's word count is examples/wordcount.c, but for the comment that the file begins with.
file(READ ${SOURCE}/README.md readme)
file(READ ${SOURCE}/examples/wordcount.c program)
string(FIND "${program}" "#include" start)
string(SUBSTRING "${program}" ${start} -1 program)
string(FIND "${readme}" "```c\n${program}```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "the README shows another program than examples/wordcount.c")
endif()
