open Message

let ( let* ) = Result.bind

(* [at] is the place: the message's name, and where in its payload. *)
type place = { message : string; where : string }

let inside at where = { at with where = (if at.where = "" then where else at.where ^ where) }

let wrong at expected came =
  let where = if at.where = "" then "the payload" else at.where in
  Result.Error
    (Errors.Bad_message
       {
         name = at.message;
         reason = Printf.sprintf "%s must be %s, not %s" where expected (Errors.quoted (Json.encode came));
       })

let text at : Json.t -> _ = function `String s -> Result.Ok s | other -> wrong at "a string" other

let is_control c = c < ' ' || c = '\127'

(* Text that can stand in a URL, a path or an index line. *)
let line at : Json.t -> _ = function
  | `String s when s <> "" && not (String.exists is_control s) -> Result.Ok s
  | other -> wrong at "a string, not empty and without control characters" other

let integer ?(low = min_int) ?(high = max_int) at : Json.t -> _ = function
  | `Int n when n >= low && n <= high -> Result.Ok n
  | other ->
    let expected =
      if low = min_int then "an integer"
      else if high = max_int then Printf.sprintf "an integer of at least %d" low
      else Printf.sprintf "an integer from %d to %d" low high
    in
    wrong at expected other

let nothing at value : Json.t -> _ = function
  | `String "" -> Result.Ok value
  | other -> wrong at "the empty string \"\"" other

let each at item : Json.t -> _ = function
  | `List items ->
    let rec from n found = function
      | [] -> Result.Ok (List.rev found)
      | one :: rest ->
        let* one = item (inside at (Printf.sprintf "[%d]" n)) one in
        from (n + 1) (one :: found) rest
    in
    from 0 [] items
  | other -> wrong at "a list" other

let integers at = each at integer

let member at members key check =
  match List.assoc_opt key members with
  | Some value -> check (inside at key) value
  | None -> wrong at (Printf.sprintf "an object with \"%s\"" key) (`Assoc members)

let bool at : Json.t -> _ = function
  | `Bool b -> Result.Ok b
  | other -> wrong at "true or false" other

let hello at : Json.t -> _ = function
  | `Assoc members ->
    let* theirs = member at members "version" text in
    if theirs <> version then Result.Error (Errors.Version_mismatch { theirs; ours = version })
    else
      let* pid = member at members "pid" (integer ~low:1) in
      let* reuse = if List.mem_assoc "reuse" members then member at members "reuse" bool else Result.Ok false in
      Result.Ok (Hello { version; pid; reuse })
  | other -> wrong at "an object" other

let selection at : Json.t -> _ = function
  | `String "" -> Result.Ok (Get_inputs All)
  | `List [ `String "exclude"; ids ] ->
    let* ids = integers (inside at "ids") ids in
    Result.Ok (Get_inputs (Exclude ids))
  | `List [ `String "include"; ids ] ->
    let* ids = integers (inside at "ids") ids in
    Result.Ok (Get_inputs (Include ids))
  | other -> wrong at {|"", ["exclude", [id, …]] or ["include", [id, …]]|} other

let input_err at : Json.t -> _ = function
  | `List [ input_id; replica_ids ] ->
    let* input_id = integer (inside at "input_id") input_id in
    let* replica_ids = integers (inside at "replica_ids") replica_ids in
    Result.Ok (Input_err { input_id; replica_ids })
  | other -> wrong at "[input_id, [replica_id, …]]" other

let is_canonical_decimal s =
  s <> "" && String.for_all (function '0' .. '9' -> true | _ -> false) s && (s = "0" || s.[0] <> '0')

let label at : Json.t -> _ = function
  | `String s when is_canonical_decimal s && String.length s <= 10 && int_of_string s <= max_label ->
    Result.Ok (int_of_string s)
  | `Int n when n >= 0 && n <= max_label -> Result.Ok n
  | other -> wrong at (Printf.sprintf "an integer from 0 to %d, or its decimal text" max_label) other

let relative at location =
  let segments = List.filter (fun s -> s <> "" && s <> ".") (String.split_on_char '/' location) in
  if location.[0] = '/' || segments = [] || List.mem ".." segments then
    wrong at "a path below the job home, relative and without .." (`String location)
  else Result.Ok location

let location at kind value =
  let at = inside at "location" in
  let* location = line at value in
  if not (Utf8.is_valid location) then wrong at "text that UTF-8 can express" value
  else if String.length location > max_location_bytes then
    wrong at (Printf.sprintf "at most %d bytes" max_location_bytes) value
  else match kind with Tag -> Result.Ok location | Disco_file | Part _ -> relative at location

let output at : Json.t -> _ = function
  | `List (place :: `String kind :: rest) as whole ->
    let* kind =
      match (kind, rest) with
      | "disco", [] -> Result.Ok Disco_file
      | "tag", [] -> Result.Ok Tag
      | "part", [] -> Result.Ok (Part 0)
      | "part", [ value ] ->
        let* label = label (inside at "label") value in
        Result.Ok (Part label)
      | ("disco" | "tag"), [ _ ] -> wrong at "[location, type]: only type \"part\" has a label" whole
      | ("disco" | "tag" | "part"), _ -> wrong at "[location, type] or [location, type, label]" whole
      | _ -> wrong (inside at "type") {|one of "disco", "part", "tag"|} (`String kind)
    in
    let* location = location at kind place in
    Result.Ok (Output { location; kind })
  | other -> wrong at "[location, type] or [location, type, label]" other

let port at = integer ~low:0 ~high:65535 at

let absolute at value =
  let* path = line at value in
  if path.[0] = '/' then Result.Ok path else wrong at "an absolute path" value

let master_url at value =
  let* url = line at value in
  match Url.scheme url with
  | Some (("http" | "https"), rest) when rest <> "" -> Result.Ok url
  | _ -> wrong at "a URL such as http://host:port" value

let mode at : Json.t -> _ = function
  | `String "map" -> Result.Ok Map
  | `String "reduce" -> Result.Ok Reduce
  | other -> wrong at {|one of "map", "reduce"|} other

let task at : Json.t -> _ = function
  | `Assoc members ->
    let get key check = member at members key check in
    let* host = get "host" line in
    let* master = get "master" master_url in
    let* jobname = get "jobname" line in
    let* taskid = get "taskid" (integer ~low:0) in
    let* mode = get "mode" mode in
    let* disco_port = get "disco_port" port in
    let* put_port = get "put_port" port in
    let* disco_data = get "disco_data" absolute in
    let* ddfs_data = get "ddfs_data" absolute in
    let* jobfile = get "jobfile" absolute in
    Result.Ok
      (Task { host; master; jobname; taskid; mode; disco_port; put_port; disco_data; ddfs_data; jobfile })
  | other -> wrong at "an object" other

let replica at : Json.t -> _ = function
  | `List [ replica_id; url ] ->
    let* replica_id = integer (inside at ".id") replica_id in
    let* url = text (inside at ".url") url in
    Result.Ok { replica_id; url }
  | other -> wrong at "[replica_id, url]" other

let status at : Json.t -> _ = function
  | `String "ok" -> Result.Ok Ready
  | `String "busy" -> Result.Ok Busy
  | `String "failed" -> Result.Ok Failed
  | other -> wrong at {|one of "ok", "busy", "failed"|} other

let input at : Json.t -> _ = function
  | `List [ input_id; said; replicas ] ->
    let* input_id = integer (inside at ".id") input_id in
    let* status = status (inside at ".status") said in
    let* replicas = each (inside at ".replicas") replica replicas in
    Result.Ok { input_id; status; replicas }
  | other -> wrong at "[input_id, status, [replica, …]]" other

let inputs at : Json.t -> _ = function
  | `List [ `String (("more" | "done") as flag); found ] ->
    let* inputs = each (inside at "inputs") input found in
    Result.Ok (Inputs { more = flag = "more"; inputs })
  | other -> wrong at {|["more" or "done", [input, …]]|} other

let retry at value =
  let* found = each (inside at "replicas") replica value in
  if found = [] then wrong at "a list of at least one [replica_id, url]" value else Result.Ok (Retry found)

let request at value =
  match at.message with
  | "WORKER" -> Some (hello at value)
  | "TASK" -> Some (nothing at Get_task value)
  | "INPUT" -> Some (selection at value)
  | "INPUT_ERR" -> Some (input_err at value)
  | "MSG" -> Some (Result.map (fun s -> Msg s) (text at value))
  | "OUTPUT" -> Some (output at value)
  | "PING" -> Some (nothing at Ping value)
  | "DONE" -> Some (nothing at Done value)
  | "ERROR" -> Some (Result.map (fun s -> Error s) (text at value))
  | "FATAL" -> Some (Result.map (fun s -> Fatal s) (text at value))
  | _ -> None

let reply at value =
  match at.message with
  | "OK" -> Some (Result.Ok Ok)
  | "TASK" -> Some (task at value)
  | "INPUT" -> Some (inputs at value)
  | "RETRY" -> Some (retry at value)
  | "WAIT" ->
    Some (Result.map (fun n -> Wait n) (integer ~low:min_wait_s ~high:max_wait_s at value))
  | "FAIL" -> Some (nothing at Fail value)
  | _ -> None

let known = function
  | Worker -> ("worker", "WORKER, TASK, INPUT, INPUT_ERR, MSG, OUTPUT, PING, DONE, ERROR, FATAL")
  | Disco -> ("disco", "OK, TASK, INPUT, RETRY, WAIT, FAIL")

let is_known sender name =
  List.mem name (List.map String.trim (String.split_on_char ',' (snd (known sender))))

let bad { Frame.name; _ } reason = Result.Error (Errors.Bad_message { name; reason })

let message sender ({ Frame.name; payload } as frame) =
  let at = { message = name; where = "" } in
  let unknown () =
    let who, names = known sender in
    bad frame
      (Printf.sprintf "the %s end may only send %s; the payload was %s" who names (Errors.quoted payload))
  in
  if not (is_known sender name) then unknown ()
  else
    match Json.decode payload with
    | Error reason ->
      bad frame
        (Printf.sprintf "the payload is not one JSON text (%s): %s" reason (Errors.quoted payload))
    | Ok value -> (
      let wrap make = Option.map (Result.map make) in
      let found =
        match sender with
        | Worker -> wrap (fun r -> Request r) (request at value)
        | Disco -> wrap (fun r -> Reply r) (reply at value)
      in
      match found with Some result -> result | None -> unknown ())
