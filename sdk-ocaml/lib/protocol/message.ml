let version = "1.0"
let min_wait_s = 1
let max_wait_s = 60
let max_label = 0x7FFFFFFF
let max_location_bytes = 4096

type role = Worker | Disco
type replica = { replica_id : int; url : string }
type status = Ready | Busy | Failed
type input = { input_id : int; status : status; replicas : replica list }
type mode = Map | Reduce

let mode_name = function Map -> "map" | Reduce -> "reduce"

type task = {
  host : string;
  master : string;
  jobname : string;
  taskid : int;
  mode : mode;
  disco_port : int;
  put_port : int;
  disco_data : string;
  ddfs_data : string;
  jobfile : string;
}

type selection = All | Exclude of int list | Include of int list
type kind = Disco_file | Part of int | Tag

type request =
  | Hello of { version : string; pid : int; reuse : bool }
  | Get_task
  | Get_inputs of selection
  | Input_err of { input_id : int; replica_ids : int list }
  | Msg of string
  | Output of { location : string; kind : kind }
  | Ping
  | Done
  | Error of string
  | Fatal of string

type reply =
  | Ok
  | Task of task
  | Inputs of { more : bool; inputs : input list }
  | Retry of replica list
  | Wait of int
  | Fail

type t = Request of request | Reply of reply

let request_name = function
  | Hello _ -> "WORKER"
  | Get_task -> "TASK"
  | Get_inputs _ -> "INPUT"
  | Input_err _ -> "INPUT_ERR"
  | Msg _ -> "MSG"
  | Output _ -> "OUTPUT"
  | Ping -> "PING"
  | Done -> "DONE"
  | Error _ -> "ERROR"
  | Fatal _ -> "FATAL"

let reply_name = function
  | Ok -> "OK"
  | Task _ -> "TASK"
  | Inputs _ -> "INPUT"
  | Retry _ -> "RETRY"
  | Wait _ -> "WAIT"
  | Fail -> "FAIL"

let name = function Request request -> request_name request | Reply reply -> reply_name reply

let ints ids : Json.t = `List (List.map (fun id -> `Int id) ids)

let hello version pid reuse : Json.t =
  let said = [ ("version", `String version); ("pid", `Int pid) ] in
  `Assoc (if reuse then said @ [ ("reuse", `Bool true) ] else said)

let output location kind : Json.t =
  match kind with
  | Disco_file -> `List [ `String location; `String "disco" ]
  | Tag -> `List [ `String location; `String "tag" ]
  | Part label -> `List [ `String location; `String "part"; `Int label ]

let request_payload : request -> Json.t = function
  | Hello { version; pid; reuse } -> hello version pid reuse
  | Get_inputs All | Get_task | Ping | Done -> `String ""
  | Get_inputs (Exclude ids) -> `List [ `String "exclude"; ints ids ]
  | Get_inputs (Include ids) -> `List [ `String "include"; ints ids ]
  | Input_err { input_id; replica_ids } -> `List [ `Int input_id; ints replica_ids ]
  | Msg text | Error text | Fatal text -> `String text
  | Output { location; kind } -> output location kind

let task t : Json.t =
  `Assoc
    [
      ("host", `String t.host);
      ("master", `String t.master);
      ("jobname", `String t.jobname);
      ("taskid", `Int t.taskid);
      ("mode", `String (mode_name t.mode));
      ("disco_port", `Int t.disco_port);
      ("put_port", `Int t.put_port);
      ("disco_data", `String t.disco_data);
      ("ddfs_data", `String t.ddfs_data);
      ("jobfile", `String t.jobfile);
    ]

let replicas found : Json.t =
  `List (List.map (fun { replica_id; url } -> `List [ `Int replica_id; `String url ]) found)

let status_name = function Ready -> "ok" | Busy -> "busy" | Failed -> "failed"

let input one : Json.t =
  `List [ `Int one.input_id; `String (status_name one.status); replicas one.replicas ]

let reply_payload : reply -> Json.t = function
  | Ok -> `String "ok"
  | Task t -> task t
  | Inputs { more; inputs } ->
    `List [ `String (if more then "more" else "done"); `List (List.map input inputs) ]
  | Retry found -> replicas found
  | Wait seconds -> `Int seconds
  | Fail -> `String ""

let payload = function Request request -> request_payload request | Reply reply -> reply_payload reply

let to_frame message = { Frame.name = name message; payload = Json.encode (payload message) }
