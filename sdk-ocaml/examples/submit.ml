(* Submits the word count and prints its results: submit MASTER WORKER INPUT... *)
open Disco_unix

let ( let* ) = Result.bind

let print_line line =
  print_endline line;
  Ok ()

let count master worker inputs =
  let* pack =
    Job.pack ~prefix:"wordcount" ~worker ~partitions:2 ~inputs:(List.map (fun url -> [ url ]) inputs) ()
  in
  let* job = Job.submit ~master pack in
  prerr_endline ("submitted " ^ job);
  let* results = Job.wait ~master job in
  Job.lines ~master results print_line

let () =
  match Array.to_list Sys.argv with
  | _ :: master :: worker :: (_ :: _ as inputs) -> (
    match count master worker inputs with
    | Ok () -> ()
    | Error error ->
      Format.eprintf "%a@." Job.pp_error error;
      exit 1)
  | _ ->
    prerr_endline "usage: submit MASTER WORKER INPUT...";
    exit 2
