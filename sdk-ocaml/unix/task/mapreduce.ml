open Disco

let ( let* ) = Result.bind

type emit = string -> string -> unit

type map =
  | Lines of (Task.t -> emit -> string -> (unit, Errors.failure) result)
  | Records of (Task.t -> emit -> string -> string -> (unit, Errors.failure) result)

type reduce = Task.t -> emit -> string -> string Seq.t -> (unit, Errors.failure) result
type results = Kv | Text

type options = {
  map : map option;
  reduce : reduce option;
  combine : Sort.combine option;
  results : results;
  partitions : int option;
  partition : string -> int -> int;
  all_labels : bool;
  save : bool;
  token : string option;
  codec : Codec.t;
  memory_bytes : int;
}

(* All labels together hold about this much that is not written yet. *)
let unwritten_bytes = 64 * 1024 * 1024
let least_hunk_bytes = 16 * 1024

(* ---- where pairs go *)

type sink = {
  put : string -> string -> (unit, Errors.failure) result;
  close : unit -> (unit, Errors.failure) result;
}

let kv_sink options task ?target ?(close = Output.close) kind =
  let* output = Output.create task kind in
  let writer = Output.records ~codec:options.codec ?target output in
  let close () =
    let* () = Hunk.flush writer in
    close output
  in
  Ok { put = Hunk.add writer; close }

let text_sink ~close task kind =
  let* output = Output.create task kind in
  let put key value = Output.write output (String.concat "" [ key; " "; value; "\n" ]) in
  Ok { put; close = (fun () -> close output) }

let save options task output =
  let* path = Output.finish output in
  Ddfs.save_outputs task ?token:options.token [ path ]

let result_sink options task =
  let close = if options.save then save options task else Output.close in
  match options.results with
  | Kv -> kv_sink options task ~close Message.Disco_file
  | Text -> text_sink ~close task Message.Disco_file

let out_of_range key label labels =
  Errors.Fatal
    (Printf.sprintf "the partition function gave label %d to the key %s; there are 0 to %d" label
       (Errors.quoted key) (labels - 1))

(* A label gets its output with its first pair. *)
let partitioned options task labels =
  let target = max least_hunk_bytes (min Hunk.target_raw_bytes (unwritten_bytes / labels)) in
  let sinks = Array.make labels None in
  let sink label =
    match sinks.(label) with
    | Some sink -> Ok sink
    | None ->
      let* sink = kv_sink options task ~target (Message.Part label) in
      sinks.(label) <- Some sink;
      Ok sink
  in
  let put key value =
    let label = options.partition key labels in
    if label < 0 || label >= labels then Error (out_of_range key label labels)
    else
      let* sink = sink label in
      sink.put key value
  in
  let close_one result sink =
    let* () = result in
    match sink with None -> Ok () | Some sink -> sink.close ()
  in
  { put; close = (fun () -> Array.fold_left close_one (Ok ()) sinks) }

let new_sort options task =
  let* () = Task.make_folder task in
  Ok
    (Sort.create ~memory_bytes:options.memory_bytes ?combine:options.combine ~folder:(Task.folder task) ())

let combining options task sink =
  if options.combine = None then Ok sink
  else
    let* sort = new_sort options task in
    let close () =
      let* () = Sort.iter sort sink.put in
      sink.close ()
    in
    Ok { put = Sort.add sort; close }

(* [emit] returns nothing, so that functions read well: its first failure is kept, and looked at after each call. *)
let emitting sink =
  let failure = ref None in
  let emit key value =
    if !failure = None then
      match sink.put key value with Ok () -> () | Error reason -> failure := Some reason
  in
  let checked = function
    | Error _ as error -> error
    | Ok () -> ( match !failure with None -> Ok () | Some reason -> Error reason)
  in
  (emit, checked)

(* ---- the two phases *)

let reduces_of options task =
  match options.partitions with
  | Some n -> Ok (max 1 n)
  | None -> (
    let* dict = Task.jobdict task in
    match List.assoc_opt "nr_reduces" dict with
    | Some (`Int n) -> Ok (max 1 n)
    | _ -> Error (Errors.Fatal "the job dictionary has no nr_reduces"))

let map_sink options task =
  if options.reduce = None then result_sink options task
  else
    let* labels = reduces_of options task in
    Ok (partitioned options task labels)

let run_map options map task =
  let* sink = map_sink options task in
  let* sink = combining options task sink in
  let emit, checked = emitting sink in
  let* () =
    Input.each task (fun input ->
      match map with
      | Lines f -> Input.lines task input (fun line -> checked (f task emit line))
      | Records f -> Input.records task input (fun key value -> checked (f task emit key value)))
  in
  sink.close ()

let run_reduce options reduce task =
  if options.all_labels then Task.read_all_labels task;
  let* sort = new_sort options task in
  let* () = Input.each task (fun input -> Input.records task input (Sort.add sort)) in
  let* sink = result_sink options task in
  let emit, checked = emitting sink in
  let* () =
    Sort.groups sort (fun key values ->
      let* () = checked (reduce task emit key values) in
      Task.heartbeat task)
  in
  sink.close ()

let lacks mode = Error (Errors.Fatal (Printf.sprintf "this worker has no %s function" mode))

let program ?map ?reduce ?combine ?(results = Kv) ?partitions
    ?(partition = Partition.partition) ?(all_labels = false) ?(save = false) ?token ?(codec = Codecs.zlib)
    ?(memory_bytes = Sort.default_memory_bytes) () =
  let options =
    { map; reduce; combine; results; partitions; partition; all_labels; save; token; codec; memory_bytes }
  in
  fun task ->
    match ((Task.info task).Message.mode, options.map, options.reduce) with
    | Message.Map, Some map, _ -> run_map options map task
    | Message.Reduce, _, Some reduce -> run_reduce options reduce task
    | Message.Map, None, _ -> lacks "map"
    | Message.Reduce, _, None -> lacks "reduce"

let main ?reuse ?map ?reduce ?combine ?results ?partitions ?partition ?all_labels ?save ?token ?codec
    ?memory_bytes () =
  Worker.main ?reuse
    (program ?map ?reduce ?combine ?results ?partitions ?partition ?all_labels ?save ?token ?codec
       ?memory_bytes ())

let sum = Sort.Sum
let total values = Seq.fold_left (fun all value -> all + Decimal.number value) 0 values
