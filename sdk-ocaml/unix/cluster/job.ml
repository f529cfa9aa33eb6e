open Disco

let ( let* ) = Result.bind

type error =
  | Pack of Jobpack.error
  | File of string
  | Refused of string
  | Failed of { job : string; reason : string }
  | Timeout of { job : string; seconds : float }
  | Master of Rest.error
  | Results of Errors.failure

let pp_error ppf = function
  | Pack error -> Jobpack.pp_error ppf error
  | File reason -> Format.fprintf ppf "cannot pack: %s" reason
  | Refused reason -> Format.fprintf ppf "the master refused the job: %s" reason
  | Failed { job; reason } -> Format.fprintf ppf "job %s failed: %s" job reason
  | Timeout { job; seconds } ->
    Format.fprintf ppf "job %s has not finished in %.0f seconds, and goes on" job seconds
  | Master error -> Rest.pp_error ppf error
  | Results failure -> Format.fprintf ppf "cannot read the results: %a" Errors.pp_error failure

let poll_s = 2.0
let silence_s = 60
let default_port = 8989
let master_gap_s = 300.0
let pause_s = 0.5

(* ---- packing *)

let read_file path =
  let read =
    let* source = Source.of_file path in
    Source.to_string ~max_bytes:Jobpack.max_pack_bytes source
  in
  Result.map_error (fun reason -> File reason) read

let is_executable path =
  match Unix.access path [ Unix.X_OK ] with () -> true | exception Unix.Unix_error _ -> false

let rec zip_files = function
  | [] -> Ok []
  | (name, path) :: rest ->
    let* content = read_file path in
    let* rest = zip_files rest in
    Ok ({ Zip.path = name; content; executable = is_executable path } :: rest)

let pack ?(map = true) ?(reduce = true) ?(partitions = 1) ?(owner = "") ?(scheduler = []) ?(envs = [])
    ?(files = []) ?(data = "") ~prefix ~worker ~inputs () =
  let name = Filename.basename worker in
  let* content = read_file worker in
  let* others = zip_files files in
  let job =
    {
      Jobpack.prefix;
      inputs;
      worker = name;
      owner;
      nr_reduces = partitions;
      has_map = map;
      has_reduce = reduce;
      scheduler;
    }
  in
  let files = { Zip.path = name; content; executable = true } :: others in
  Result.map_error (fun error -> Pack error) (Jobpack.make job ~envs ~files ~data)

(* ---- talking with the master *)

let of_master result = Result.map_error (fun error -> Master error) result

let submit ~master pack =
  let* bytes = Result.map_error (fun error -> Pack error) (Jobpack.encode pack) in
  let url = master ^ "/disco/job/new" in
  let* answer = of_master (Rest.json ~body:(Http.Text bytes) "POST" url) in
  match answer with
  | `List [ `String "ok"; `String name ] -> Ok name
  | `List [ `String _; `String reason ] -> Error (Refused reason)
  | other -> of_master (Rest.unexpected url other)

type status = Active | Ready of string list | Dead | Unknown

let status ~master ?(wait_s = 0.0) job =
  let url = master ^ "/disco/ctrl/get_results" in
  let question = `List [ `Int (int_of_float (wait_s *. 1000.0)); `List [ `String job ] ] in
  let patience_s = silence_s + int_of_float wait_s in
  let* answer = of_master (Rest.json ~patience_s ~body:(Http.Text (Json.encode question)) "POST" url) in
  match answer with
  | `List [ `List [ `String _; `List [ `String status; urls ] ] ] -> (
    match status with
    | "active" -> Ok Active
    | "ready" -> Result.map (fun urls -> Ready urls) (of_master (Rest.strings url urls))
    | "dead" -> Ok Dead
    | _ -> Ok Unknown)
  | other -> of_master (Rest.unexpected url other)

let failure_of ~master job =
  let url = Printf.sprintf "%s/disco/ctrl/jobinfo?name=%s" master (Url.encode ~keep:":@" job) in
  match Rest.json "GET" url with
  | Ok (`Assoc members) -> (
    match List.assoc_opt "failure" members with Some (`String reason) -> reason | _ -> "status dead")
  | _ -> "status dead"

(* A master that restarts is waited for. *)
let wait ~master ?timeout_s job =
  let started = Unix.gettimeofday () in
  let rec poll heard =
    let now = Unix.gettimeofday () in
    let left = match timeout_s with None -> poll_s | Some limit -> started +. limit -. now in
    match status ~master ~wait_s:(Float.max 0.0 (Float.min poll_s left)) job with
    | Ok (Ready urls) -> Ok urls
    | Ok Dead -> Error (Failed { job; reason = failure_of ~master job })
    | Ok Unknown -> Error (Failed { job; reason = "the master does not know it" })
    | Ok Active when left <= 0.0 ->
      Error (Timeout { job; seconds = Option.value timeout_s ~default:0.0 })
    | Ok Active -> poll (Unix.gettimeofday ())
    | Error (Master { Rest.status = None | Some 503; _ }) when left > 0.0 && now -. heard < master_gap_s ->
      Unix.sleepf pause_s;
      poll heard
    | Error _ as error -> error
  in
  poll started

let control ~master operation job =
  let url = Printf.sprintf "%s/disco/ctrl/%s" master operation in
  let body = Http.Text (Json.encode (`String job)) in
  Result.map ignore (of_master (Rest.request ~body "POST" url))

let kill ~master job = control ~master "kill_job" job
let clean ~master job = control ~master "clean_job" job
let purge ~master job = control ~master "purge_job" job

(* ---- results *)

(* A client is on no node: it reads every line of an index, and everything over HTTP. *)
let place_of master =
  let host =
    match Url.scheme master with Some (_, rest) -> fst (Url.host_and_path rest) | None -> master
  in
  let disco_port = Option.value (snd (Url.host_and_port host)) ~default:default_port in
  { Fetch.host = ""; disco_port; disco_data = "/"; ddfs_data = "/"; label = None }

(* The replica sets behind a URL: a tag's, and those of the tags that it links to. *)
let rec replica_sets ?token ~master seen url =
  match Url.scheme url with
  | Some ("tag", name) when List.mem name seen -> Ok []
  | Some ("tag", name) ->
    let* tag = of_master (Ddfs.get ?token (Ddfs.connect master) name) in
    let rec each = function
      | [] -> Ok []
      | [ one ] :: rest ->
        let* sets = replica_sets ?token ~master (name :: seen) one in
        let* others = each rest in
        Ok (sets @ others)
      | set :: rest ->
        let* others = each rest in
        Ok (set :: others)
    in
    each tag.Ddfs.urls
  | _ -> Ok [ [ url ] ]

let read_set read place urls =
  let progress = Reading.start () in
  let rec from why = function
    | [] -> Error (Results why)
    | url :: rest -> (
      Reading.again progress;
      match read place url progress with
      | Ok () -> Ok ()
      | Error (Errors.Bad_input _ as failure) -> from failure rest
      | Error failure -> Error (Results failure))
  in
  from (Errors.Transient "a replica set without URLs") urls

let read_all ?token ~master urls read =
  let place = place_of master in
  let rec sets = function
    | [] -> Ok ()
    | set :: rest ->
      let* () = read_set read place set in
      sets rest
  in
  let rec each = function
    | [] -> Ok ()
    | url :: rest ->
      let* found = replica_sets ?token ~master [] url in
      let* () = sets found in
      each rest
  in
  each urls

let records ?token ~master urls f =
  read_all ?token ~master urls (fun place url progress -> Reading.records place url progress f)

let lines ?token ~master urls f =
  read_all ?token ~master urls (fun place url progress -> Reading.lines place url progress f)

let bytes ?token ~master urls f =
  read_all ?token ~master urls (fun place url progress -> Reading.bytes place url progress f)
