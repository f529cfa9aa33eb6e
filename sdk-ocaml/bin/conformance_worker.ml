open Disco
open Disco_unix

let ( let* ) = Result.bind

let behaviour_and_argument task =
  let jobname = (Task.info task).Message.jobname in
  match String.index_opt jobname '@' with
  | None -> (jobname, "")
  | Some at -> (String.sub jobname 0 at, String.sub jobname (at + 1) (String.length jobname - at - 1))

let number argument default =
  match int_of_string_opt argument with Some n when n > 0 -> n | _ -> default

let echo task =
  let* output = Output.create task ~name:"echo" Message.Disco_file in
  let* () = Input.each task (fun input -> Input.bytes task input (Output.write_bytes output)) in
  Output.close output

let is_blank = function ' ' | '\t' | '\n' | '\r' | '\011' | '\012' -> true | _ -> false

(* The words of an input, however its bytes come in pieces. *)
let words task input f =
  let begun = Buffer.create 64 in
  let finish () =
    if Buffer.length begun = 0 then Ok ()
    else begin
      let word = Buffer.contents begun in
      Buffer.clear begun;
      f word
    end
  in
  let piece bytes offset length =
    let rec from at result =
      if at = offset + length || Result.is_error result then result
      else
        let c = Bytes.get bytes at in
        if is_blank c then from (at + 1) (finish ())
        else begin
          Buffer.add_char begun c;
          from (at + 1) result
        end
    in
    from offset (Ok ())
  in
  let* () = Input.bytes task input piece in
  finish ()

let add counts word count =
  match Hashtbl.find_opt counts word with
  | Some total -> total := !total + count
  | None -> Hashtbl.add counts word (ref count)

let add_line counts line =
  match String.rindex_opt line ' ' with
  | None -> Error (Errors.Fatal ("a line has no count: " ^ Errors.quoted line))
  | Some at -> (
    match int_of_string_opt (String.sub line (at + 1) (String.length line - at - 1)) with
    | None -> Error (Errors.Fatal ("a line has no count: " ^ Errors.quoted line))
    | Some count ->
      add counts (String.sub line 0 at) count;
      Ok ())

let wordcount task =
  let counts = Hashtbl.create 1024 in
  let count_word word = Ok (add counts word 1) in
  let read =
    match (Task.info task).Message.mode with
    | Message.Reduce -> fun input -> Input.lines task input (add_line counts)
    | Message.Map -> fun input -> words task input count_word
  in
  let* () = Input.each task read in
  let* output = Output.create task ~name:"counts" (Message.Part 0) in
  let sorted = List.sort compare (Hashtbl.fold (fun word total all -> (word, !total) :: all) counts []) in
  let* () =
    List.fold_left
      (fun result (word, total) ->
        let* () = result in
        Output.write output (Printf.sprintf "%s %d\n" word total))
      (Ok ()) sorted
  in
  Output.close output

let split labels task =
  let outputs = Array.make labels None in
  let output label =
    match outputs.(label) with
    | Some output -> Ok output
    | None ->
      let* output = Output.create task ~name:"part" (Message.Part label) in
      outputs.(label) <- Some output;
      Ok output
  in
  let place word =
    let* output = output (Partition.partition word labels) in
    Output.write output (word ^ "\n")
  in
  let* () = Input.each task (fun input -> words task input place) in
  Array.fold_left
    (fun result output ->
      let* () = result in
      match output with None -> Ok () | Some output -> Output.close output)
    (Ok ()) outputs

let rec repeat n f =
  if n = 0 then Ok ()
  else
    let* () = f n in
    repeat (n - 1) f

let say times task =
  let* () = repeat times (fun left -> Task.say task (Printf.sprintf "line %d — ünïcode" (times - left))) in
  echo task

let ping times task =
  let* () = repeat times (fun _ -> Task.ping task) in
  echo task

let noisy task =
  print_endline "a print";
  print_endline "DONE 2 \"\"";
  prerr_string "a warning without end of line";
  echo task

let slow seconds task =
  Unix.sleepf seconds;
  echo task

let spawn_child task =
  match Unix.system "echo from the child; echo and its errors >&2" with
  | Unix.WEXITED 0 -> echo task
  | _ -> Error (Errors.Transient "the child did not end well")

(* The bytes that HEX spells, as many times as the number after a [*] says. *)
let print argument task =
  let digits, times =
    match String.index_opt argument '*' with
    | None -> (argument, "1")
    | Some at -> (String.sub argument 0 at, String.sub argument (at + 1) (String.length argument - at - 1))
  in
  let byte n = Char.chr (Option.value (int_of_string_opt ("0x" ^ String.sub digits (2 * n) 2)) ~default:0) in
  let bytes = String.init (String.length digits / 2) byte in
  for _ = 1 to number times 1 do
    print_string bytes
  done;
  echo task

(* Leaves its surroundings changed, as careless user code does. *)
let litter task =
  let* () = echo task in
  Unix.putenv "LITTER" "left";
  ignore (Unix.umask 0o077);
  Sys.set_signal Sys.sigterm Sys.Signal_ignore;
  Unix.chdir "/";
  Ok ()

let save task =
  let* output = Output.create task ~name:"saved" Message.Disco_file in
  let* () = Input.each task (fun input -> Input.bytes task input (Output.write_bytes output)) in
  let* path = Output.finish output in
  Ddfs.save_outputs task [ path ]

let crash () =
  Unix.kill (Unix.getpid ()) Sys.sigkill;
  Ok ()

let program task =
  match behaviour_and_argument task with
  | "echo", _ -> echo task
  | "wordcount", _ -> wordcount task
  | "split", argument -> split (number argument 3) task
  | "say", argument -> say (number argument 3) task
  | "ping", argument -> ping (number argument 3) task
  | "fail-error", _ -> Error (Errors.Transient "told to fail: café")
  | "fail-fatal", _ -> Error (Errors.Fatal "told to fail: café, for good")
  | "crash", _ -> crash ()
  | "noisy", _ -> noisy task
  | "slow", argument -> slow (Option.value (float_of_string_opt argument) ~default:1.0) task
  | "spawn-child", _ -> spawn_child task
  | "print", argument -> print argument task
  | "litter", _ -> litter task
  | "save", _ -> save task
  | name, _ -> Error (Errors.Fatal ("this worker has no behaviour " ^ Errors.quoted name))

let () = Worker.main program
