// Every public header can be included by a C++ program, and its inline functions used.
#include <disco_client.h>
#include <disco_test.h>
#include <disco_worker.h>
#if defined(__has_include)
#if __has_include(<Judy.h>)
#include <disco.h>
#endif
#endif

int main() {
    disco_job job = disco_job();
    return disco_slice_compare(disco_text("a"), disco_slice_of("a", 1)) + job.no_reuse;
}
