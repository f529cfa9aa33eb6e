(** An example: see its source. *)
