type t = { name : string; payload : string }

let max_name_bytes = 10
let max_payload_bytes = 100 * 1024 * 1024
let max_last_words_bytes = 100 * 1024

(* A piece larger than this is not kept for the frames to come once it has been used up. *)
let kept_buffer_bytes = 1024 * 1024

let is_name_byte = function 'A' .. 'Z' | '_' -> true | _ -> false

let is_name name =
  let size = String.length name in
  size >= 1 && size <= max_name_bytes && String.for_all is_name_byte name

let encode { name; payload } =
  let size = String.length payload in
  if is_name name && size <= max_payload_bytes then
    Ok (String.concat "" [ name; " "; string_of_int size; " "; payload; "\n" ])
  else
    Error
      (Errors.Out_of_turn
         (Printf.sprintf
            "frame %s with a payload of %d bytes cannot be sent: a name has 1 to %d of A-Z and _, a payload at \
             most %d bytes"
            (Errors.quoted name) size max_name_bytes max_payload_bytes))

type header = { header_name : string; payload_start : int; payload_end : int }

(* [start, stop) is what has come and was not given out; offsets of a header are those of the buffer. *)
type reader = {
  mutable buffer : Bytes.t;
  mutable start : int;
  mutable stop : int;
  mutable header : header option;
  mutable failure : Errors.protocol option;
}

let reader () =
  { buffer = Bytes.create 4096; start = 0; stop = 0; header = None; failure = None }

let unfinished r = r.stop > r.start

let last_words r = Bytes.sub_string r.buffer r.start (min max_last_words_bytes (r.stop - r.start))

let move_header r distance =
  match r.header with
  | None -> ()
  | Some h ->
    r.header <-
      Some { h with payload_start = h.payload_start - distance; payload_end = h.payload_end - distance }

(* Moves what is left to the front, into a larger buffer where it is needed: doubling keeps the cost linear. *)
let make_room r more =
  let used = r.stop - r.start in
  let size = Bytes.length r.buffer in
  if r.stop + more > size then begin
    let wanted = used + more in
    let target = if wanted > size then max wanted (2 * size) else size in
    let buffer = if target > size then Bytes.create target else r.buffer in
    Bytes.blit r.buffer r.start buffer 0 used;
    move_header r r.start;
    r.buffer <- buffer;
    r.start <- 0;
    r.stop <- used
  end

let feed r bytes offset length =
  let length =
    if r.failure = None then length else max 0 (min length (max_last_words_bytes - (r.stop - r.start)))
  in
  make_room r length;
  Bytes.blit bytes offset r.buffer r.stop length;
  r.stop <- r.stop + length

let fail r fault reason =
  r.header <- None;
  let error = Errors.Not_a_frame { fault; reason; received = last_words r } in
  r.failure <- Some error;
  `Error error

let too_large digits =
  Printf.sprintf "a payload has at most %d bytes, the length begins with %s" max_payload_bytes digits

let rec length_from r first at value =
  if at >= r.stop then `Await
  else
    let digits () = Bytes.sub_string r.buffer first (at + 1 - first) in
    match Bytes.get r.buffer at with
    | ' ' when at = first -> fail r Length "the length is missing"
    | ' ' -> `Length (value, at + 1)
    | '0' .. '9' when at > first && value = 0 -> fail r Length "a length has no leading zero"
    | '0' .. '9' as c ->
      let value = (value * 10) + Char.code c - Char.code '0' in
      if value > max_payload_bytes then fail r Too_large (too_large (digits ()))
      else length_from r first (at + 1) value
    | c -> fail r Length (Printf.sprintf "a length has only digits, not %s" (Errors.quoted (String.make 1 c)))

let rec name_from r at =
  if at >= r.stop then `Await
  else
    match Bytes.get r.buffer at with
    | ' ' when at = r.start -> fail r Name "the name is missing"
    | ' ' -> `Name (at + 1)
    | _ when at - r.start >= max_name_bytes ->
      fail r Name (Printf.sprintf "a name has at most %d bytes" max_name_bytes)
    | c when is_name_byte c -> name_from r (at + 1)
    | c -> fail r Name (Printf.sprintf "a name has only A-Z and _, not %s" (Errors.quoted (String.make 1 c)))

let read_header r =
  match r.header with
  | Some header -> `Header header
  | None -> (
    match name_from r r.start with
    | (`Await | `Error _) as other -> other
    | `Name after -> (
      match length_from r after after 0 with
      | (`Await | `Error _) as other -> other
      | `Length (size, payload_start) ->
        let header_name = Bytes.sub_string r.buffer r.start (after - 1 - r.start) in
        let header = { header_name; payload_start; payload_end = payload_start + size } in
        r.header <- Some header;
        `Header header))

let forget_empty r =
  if r.start = r.stop then begin
    r.start <- 0;
    r.stop <- 0;
    if Bytes.length r.buffer > kept_buffer_bytes then r.buffer <- Bytes.create 4096
  end

let take r h =
  match Bytes.get r.buffer h.payload_end with
  | '\n' ->
    let payload = Bytes.sub_string r.buffer h.payload_start (h.payload_end - h.payload_start) in
    r.start <- h.payload_end + 1;
    r.header <- None;
    forget_empty r;
    `Frame { name = h.header_name; payload }
  | c ->
    fail r Terminator
      (Printf.sprintf
         "a line feed must follow the %d bytes of payload that %s announced, not %s (lengths count bytes, not \
          characters)"
         (h.payload_end - h.payload_start) h.header_name
         (Errors.quoted (String.make 1 c)))

let next r =
  match r.failure with
  | Some error -> `Error error
  | None -> (
    match read_header r with
    | (`Await | `Error _) as other -> other
    | `Header h -> if r.stop > h.payload_end then take r h else `Await)

let finish r =
  match r.failure with
  | Some error -> Error error
  | None when not (unfinished r) -> Ok ()
  | None -> (
    match fail r Truncated "the stream ended in the middle of a frame" with `Error error -> Error error)
