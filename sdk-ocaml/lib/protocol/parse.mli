(** From frames to messages: the shape of every payload, checked word by word.

    What is wrong is said as exactly as it is known: the message, the place in it, what was expected and what
    came. Keys that this version does not know are left alone in objects; a list has exactly the elements of its
    form.

    Invariant: [message role (Message.to_frame m)] is [Ok m] for every message [m] that [role] may send. *)

(** [message sender frame] is the message in [frame], which [sender] sent. *)
val message : Message.role -> Frame.t -> (Message.t, Errors.protocol) result
