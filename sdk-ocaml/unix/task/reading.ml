open Disco

let ( let* ) = Result.bind

type progress = { mutable delivered : int; mutable skip : int }

let start () = { delivered = 0; skip = 0 }
let again progress = progress.skip <- progress.delivered
let broken url reason = Errors.Bad_input { url; reason }

(* An index leads to several files, which count as one input. *)
let each_part place url progress read_part =
  let* urls = Fetch.expand place url in
  let rec from = function
    | [] when progress.skip > 0 -> Error (broken url "it is shorter than another replica was")
    | [] -> Ok ()
    | part :: rest ->
      let* source = Fetch.open_url place part in
      let* () = read_part part source in
      from rest
  in
  from urls

let bytes place url progress f =
  each_part place url progress (fun part source ->
    Source.iter source ~broken:(broken part) (fun bytes offset length ->
      let passed = min progress.skip length in
      progress.skip <- progress.skip - passed;
      if passed = length then Ok ()
      else
        let* () = f bytes (offset + passed) (length - passed) in
        progress.delivered <- progress.delivered + length - passed;
        Ok ()))

let lines place url progress f =
  let deliver line =
    if progress.skip > 0 then begin
      progress.skip <- progress.skip - 1;
      Ok ()
    end
    else
      let* () = f line in
      progress.delivered <- progress.delivered + 1;
      Ok ()
  in
  each_part place url progress (fun part source ->
    let splitter = Line.create () in
    let* () =
      Source.iter source ~broken:(broken part) (fun bytes offset length ->
        Line.feed splitter bytes offset length deliver)
    in
    Line.finish splitter deliver)

let rec batches reader deliver =
  match Hunk.next reader with
  | `Await -> Ok ()
  | `Error failure -> Error failure
  | `Batch batch ->
    let* () = Hunk.iter batch deliver in
    batches reader deliver

let records place url progress f =
  let deliver key value =
    let* () = f key value in
    progress.delivered <- progress.delivered + 1;
    Ok ()
  in
  each_part place url progress (fun part source ->
    let reader = Hunk.reader ~skip:progress.skip ~codecs:Codecs.all part in
    let* () =
      Source.iter source ~broken:(broken part) (fun bytes offset length ->
        Hunk.feed reader bytes offset length;
        batches reader deliver)
    in
    let* () = Hunk.finish reader in
    progress.skip <- Hunk.left_to_skip reader;
    Ok ())
