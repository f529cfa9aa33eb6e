type prints = Unix.file_descr option
type t = { requests : Unix.file_descr; replies : Unix.file_descr; prints : prints }

let max_captured_bytes = 64 * 1024
let max_captured_lines = 100
let nowhere = None

let open_capture folder =
  let path =
    Filename.concat folder
      (Printf.sprintf "disco-prints-%d-%.0f" (Unix.getpid ()) (Unix.gettimeofday () *. 1e6))
  in
  let flags = Unix.[ O_RDWR; O_CREAT; O_EXCL; O_APPEND; O_CLOEXEC ] in
  match Unix.openfile path flags 0o600 with
  | fd ->
    Unix.unlink path;
    Some fd
  | exception Unix.Unix_error _ -> None

(* A node whose temporary folder is full or missing still runs tasks: their prints are lost, not the tasks. *)
let capture () =
  match open_capture (Filename.get_temp_dir_name ()) with
  | Some fd -> Some fd
  | None -> open_capture "."

let take () =
  match
    let requests = Unix.dup ~cloexec:true Unix.stderr and replies = Unix.dup ~cloexec:true Unix.stdin in
    let null = Unix.openfile "/dev/null" [ Unix.O_RDWR; Unix.O_CLOEXEC ] 0 in
    let prints = capture () in
    let sink = Option.value prints ~default:null in
    Unix.dup2 ~cloexec:false null Unix.stdin;
    Unix.dup2 ~cloexec:false sink Unix.stdout;
    Unix.dup2 ~cloexec:false sink Unix.stderr;
    Unix.close null;
    { requests; replies; prints }
  with
  | taken -> Ok taken
  | exception Unix.Unix_error (error, call, _) -> Error (call ^ ": " ^ Unix.error_message error)

let rec read_all fd bytes at =
  if at = Bytes.length bytes then at
  else
    match Unix.read fd bytes at (Bytes.length bytes - at) with
    | 0 -> at
    | n -> read_all fd bytes (at + n)
    | exception Unix.Unix_error (Unix.EINTR, _, _) -> read_all fd bytes at

let lines_of text =
  List.filter (fun line -> String.trim line <> "") (String.split_on_char '\n' text)

let newest limit lines =
  let surplus = List.length lines - limit in
  if surplus <= 0 then lines else List.filteri (fun n _ -> n >= surplus) lines

let drain_file fd =
  let size = (Unix.fstat fd).Unix.st_size in
  if size = 0 then []
  else begin
    let start = max 0 (size - max_captured_bytes) in
    let bytes = Bytes.create (size - start) in
    ignore (Unix.lseek fd start Unix.SEEK_SET);
    let text = Bytes.sub_string bytes 0 (read_all fd bytes 0) in
    Unix.ftruncate fd 0;
    let lines = lines_of text in
    let kept = newest max_captured_lines lines in
    if start > 0 || List.compare_lengths kept lines < 0 then
      Printf.sprintf "... of %d bytes of output, the end:" size :: kept
    else kept
  end

let drain = function
  | None -> []
  | Some fd -> (
    (try flush_all () with Sys_error _ -> ());
    try drain_file fd with Unix.Unix_error _ -> [])
