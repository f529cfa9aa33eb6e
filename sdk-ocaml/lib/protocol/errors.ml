type fault = Name | Length | Too_large | Terminator | Truncated

type protocol =
  | Not_a_frame of { fault : fault; reason : string; received : string }
  | Bad_message of { name : string; reason : string }
  | Version_mismatch of { theirs : string; ours : string }
  | Out_of_turn of string

type failure =
  | Transient of string
  | Fatal of string
  | Bad_input of { url : string; reason : string }
  | Lost of string
  | Protocol of protocol

let max_quoted_bytes = 200

let fault_name = function
  | Name -> "name"
  | Length -> "length"
  | Too_large -> "payload-too-large"
  | Terminator -> "terminator"
  | Truncated -> "truncated"

(* OCaml's %S escapes every byte above 127; text in UTF-8 is left readable. *)
let quoted s =
  let cut = String.length s > max_quoted_bytes in
  let shown = Utf8.repair (if cut then String.sub s 0 max_quoted_bytes else s) in
  let escaped = Buffer.create (String.length shown + 2) in
  Buffer.add_char escaped '"';
  String.iter
    (function
      | '"' -> Buffer.add_string escaped "\\\""
      | '\n' -> Buffer.add_string escaped "\\n"
      | c when c < ' ' || c = '\127' -> Buffer.add_string escaped (Printf.sprintf "\\x%02x" (Char.code c))
      | c -> Buffer.add_char escaped c)
    shown;
  Buffer.add_string escaped (if cut then "…\"" else "\"");
  Buffer.contents escaped

let pp_protocol ppf = function
  | Not_a_frame { fault; reason; received } ->
    Format.fprintf ppf "Not a frame (%s): %s; received %s" (fault_name fault) reason (quoted received)
  | Bad_message { name; reason } -> Format.fprintf ppf "Bad message %s: %s" name reason
  | Version_mismatch { theirs; ours } ->
    Format.fprintf ppf "Bad message WORKER: the worker speaks protocol version %s, this Disco speaks %s"
      (quoted theirs) (quoted ours)
  | Out_of_turn reason -> Format.fprintf ppf "Out of turn: %s" reason

let pp_error ppf = function
  | Transient reason | Fatal reason | Lost reason -> Format.pp_print_string ppf reason
  | Bad_input { url; reason } -> Format.fprintf ppf "Cannot read %s: %s" url reason
  | Protocol error -> pp_protocol ppf error

let to_string failure = Format.asprintf "@[<h>%a@]" pp_error failure
