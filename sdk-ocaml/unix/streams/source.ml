type t = { read : bytes -> int -> int -> (int, string) result; close : unit -> unit }

let piece_bytes = 256 * 1024

let of_string s =
  let at = ref 0 in
  let read bytes offset length =
    let n = min length (String.length s - !at) in
    Bytes.blit_string s !at bytes offset n;
    at := !at + n;
    Ok n
  in
  { read; close = ignore }

let rec read_fd fd bytes offset length =
  match Unix.read fd bytes offset length with
  | n -> Ok n
  | exception Unix.Unix_error (Unix.EINTR, _, _) -> read_fd fd bytes offset length
  | exception Unix.Unix_error (error, _, _) -> Error (Unix.error_message error)

let of_file path =
  match Unix.openfile path [ Unix.O_RDONLY; Unix.O_CLOEXEC ] 0 with
  | exception Unix.Unix_error (error, _, _) -> Error (Printf.sprintf "%s: %s" (Unix.error_message error) path)
  | fd ->
    let is_open = ref true in
    let close () =
      if !is_open then begin
        is_open := false;
        Unix.close fd
      end
    in
    Ok { read = (fun bytes offset length -> read_fd fd bytes offset length); close }

let iter source ~broken f =
  let piece = Bytes.create piece_bytes in
  let rec more () =
    match source.read piece 0 piece_bytes with
    | Error reason -> Error (broken reason)
    | Ok 0 -> Ok ()
    | Ok n -> ( match f piece 0 n with Ok () -> more () | Error _ as error -> error)
  in
  Fun.protect ~finally:source.close more

let to_string ~max_bytes source =
  let all = Buffer.create 4096 in
  let add bytes offset length =
    if Buffer.length all + length > max_bytes then Error (Printf.sprintf "there are more than %d bytes" max_bytes)
    else Ok (Buffer.add_subbytes all bytes offset length)
  in
  Result.map (fun () -> Buffer.contents all) (iter source ~broken:Fun.id add)
