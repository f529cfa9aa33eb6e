type request = { verb : string; target : string; headers : (string * string) list; body : string }
type response = { status : int; body : string; cut : int; extra : (string * string) list }

let status status body = { status; body; cut = 0; extra = [] }
let ok body = status 200 body

let header line =
  match String.index_opt line ':' with
  | None -> (String.lowercase_ascii line, "")
  | Some at ->
    ( String.lowercase_ascii (String.sub line 0 at),
      String.trim (String.sub line (at + 1) (String.length line - at - 1)) )

let rec read_headers channel found =
  match String.trim (input_line channel) with
  | "" -> List.rev found
  | line -> read_headers channel (header line :: found)

let read_request channel =
  match String.split_on_char ' ' (String.trim (input_line channel)) with
  | verb :: target :: _ ->
    let headers = read_headers channel [] in
    let length =
      Option.value (Option.bind (List.assoc_opt "content-length" headers) int_of_string_opt) ~default:0
    in
    { verb; target; headers; body = really_input_string channel length }
  | _ -> failwith "no request line"

let write_response channel { status; body; cut; extra } =
  let sent = String.length body - cut in
  Printf.fprintf channel "HTTP/1.1 %d Answer\r\nContent-Length: %d\r\nConnection: close\r\n" status
    (String.length body);
  List.iter (fun (name, value) -> Printf.fprintf channel "%s: %s\r\n" name value) extra;
  output_string channel "\r\n";
  output_string channel (String.sub body 0 sent);
  flush channel

let rec serve socket answer count =
  let connection, _ = Unix.accept socket in
  let input = Unix.in_channel_of_descr connection and output = Unix.out_channel_of_descr connection in
  (try write_response output (answer count (read_request input)) with _ -> ());
  (try Unix.close connection with Unix.Unix_error _ -> ());
  serve socket answer (count + 1)

let with_server answer f =
  let socket = Unix.socket Unix.PF_INET Unix.SOCK_STREAM 0 in
  Unix.bind socket (Unix.ADDR_INET (Unix.inet_addr_loopback, 0));
  Unix.listen socket 16;
  let port = match Unix.getsockname socket with Unix.ADDR_INET (_, port) -> port | _ -> assert false in
  flush_all ();
  match Unix.fork () with
  | 0 ->
    Sys.set_signal Sys.sigpipe Sys.Signal_ignore;
    (try serve socket answer 0 with _ -> ());
    Unix._exit 1
  | pid ->
    Unix.close socket;
    Fun.protect
      ~finally:(fun () ->
        Unix.kill pid Sys.sigkill;
        ignore (Unix.waitpid [] pid))
      (fun () -> f port)
