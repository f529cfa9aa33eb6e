/* OCaml's Unix can set a variable of the environment and cannot remove one. */
#include <stdlib.h>

#include <caml/memory.h>
#include <caml/mlvalues.h>

CAMLprim value disco_unset_variable(value name) {
    CAMLparam1(name);
    unsetenv(String_val(name)); /* fails for names that no variable has */
    CAMLreturn(Val_unit);
}
