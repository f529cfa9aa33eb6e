(** The worker that the conformance sessions play with: the part of the job name before [@] is the behaviour, the part
    after it an argument. *)
