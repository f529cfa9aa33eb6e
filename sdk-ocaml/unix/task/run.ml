open Disco

let ( let* ) = Result.bind

type t = string
type pull = unit -> ((string * string) option, Errors.failure) result

(* Runs are read back once by this process: compressing them costs more than it saves. *)
let codec = Codec.none

(* A merge holds one hunk of each run, and its pairs. *)
let hunk_bytes = 64 * 1024
let piece_bytes = 64 * 1024

let failed path error =
  Error (Errors.Transient (Printf.sprintf "sorting: %s: %s" path (Unix.error_message error)))

let rec write_all fd s at =
  if at < String.length s then write_all fd s (at + Unix.write_substring fd s at (String.length s - at))

let write path fill =
  match Unix.openfile path Unix.[ O_WRONLY; O_CREAT; O_TRUNC; O_CLOEXEC ] 0o600 with
  | exception Unix.Unix_error (error, _, _) -> failed path error
  | fd ->
    Fun.protect
      ~finally:(fun () -> try Unix.close fd with Unix.Unix_error _ -> ())
      (fun () ->
        let put hunk =
          match write_all fd hunk 0 with
          | () -> Ok ()
          | exception Unix.Unix_error (error, _, _) -> failed path error
        in
        let writer = Hunk.writer ~target:hunk_bytes ~codec put in
        let* () = fill (Hunk.add writer) in
        let* () = Hunk.flush writer in
        Ok path)

let remove runs = List.iter (fun run -> try Unix.unlink run with Unix.Unix_error _ -> ()) runs

(* ---- one run, pair by pair *)

let pairs batch =
  let found = ref [] in
  ignore
    (Hunk.iter batch (fun key value ->
       found := (key, value) :: !found;
       Ok ()));
  List.rev !found

let lost path reason = Errors.Transient (Printf.sprintf "sorting: the run %s: %s" path reason)

let pull_of piece path source =
  let reader = Hunk.reader ~codecs:[ codec ] path in
  let ready = ref [] in
  let rec pull () =
    match !ready with
    | pair :: rest ->
      ready := rest;
      Ok (Some pair)
    | [] -> (
      match Hunk.next reader with
      | `Batch batch ->
        ready := pairs batch;
        pull ()
      | `Error failure -> Error (lost path (Errors.to_string failure))
      | `Await -> (
        match source.Source.read piece 0 piece_bytes with
        | Error reason -> Error (lost path reason)
        | Ok 0 ->
          Result.map_error (fun failure -> lost path (Errors.to_string failure)) (Hunk.finish reader)
          |> Result.map (fun () -> None)
        | Ok n ->
          Hunk.feed reader piece 0 n;
          pull ()))
  in
  pull

(* ---- many runs: a heap of their heads *)

type head = { key : string; value : string; order : int; next : pull }

let before a b =
  match String.compare a.key b.key with 0 -> a.order < b.order | order -> order < 0

type heap = { heads : head array; mutable size : int }

let rec sink heap at =
  let child = (2 * at) + 1 in
  if child < heap.size then begin
    let least =
      if child + 1 < heap.size && before heap.heads.(child + 1) heap.heads.(child) then child + 1 else child
    in
    if before heap.heads.(least) heap.heads.(at) then begin
      let head = heap.heads.(at) in
      heap.heads.(at) <- heap.heads.(least);
      heap.heads.(least) <- head;
      sink heap least
    end
  end

let rec first_heads order = function
  | [] -> Ok []
  | next :: rest -> (
    let* first = next () in
    let* heads = first_heads (order + 1) rest in
    match first with
    | None -> Ok heads
    | Some (key, value) -> Ok ({ key; value; order; next } :: heads))

let merged pulls =
  let* heads = first_heads 0 pulls in
  let heap = { heads = Array.of_list heads; size = List.length heads } in
  for at = (heap.size / 2) - 1 downto 0 do
    sink heap at
  done;
  Ok
    (fun () ->
      if heap.size = 0 then Ok None
      else begin
        let head = heap.heads.(0) in
        let* following = head.next () in
        (match following with
         | Some (key, value) -> heap.heads.(0) <- { head with key; value }
         | None ->
           heap.size <- heap.size - 1;
           heap.heads.(0) <- heap.heads.(heap.size));
        sink heap 0;
        Ok (Some (head.key, head.value))
      end)

let rec open_all opened = function
  | [] -> Ok (List.rev opened)
  | path :: rest -> (
    match Source.of_file path with
    | Ok source -> open_all ((path, source) :: opened) rest
    | Error reason ->
      List.iter (fun (_, source) -> source.Source.close ()) opened;
      Error (lost path reason))

let with_merged runs f =
  let* opened = open_all [] runs in
  Fun.protect
    ~finally:(fun () -> List.iter (fun (_, source) -> source.Source.close ()) opened)
    (fun () ->
      let piece = Bytes.create piece_bytes in
      let* pull = merged (List.map (fun (path, source) -> pull_of piece path source) opened) in
      f pull)
