let ( let* ) = Result.bind

type t = {
  jobdict : (string * Json.t) list;
  jobenvs : (string * string) list;
  jobhome : string;
  jobdata : string;
}

type error = { field : string; reason : string }

let pp_error ppf { field; reason } = Format.fprintf ppf "bad job pack: %s: %s" field reason
let fault field reason = Error { field; reason }
let faultf field format = Printf.ksprintf (fault field) format

let header_bytes = 128
let max_pack_bytes = 1 lsl 30
let max_prefix_bytes = 128
let max_reduces = 1_000_000
let max_name_bytes = 255
let max_path_bytes = 1024
let magic = 0xD5C0
let version = 1
let sections = [ "jobdict"; "jobenvs"; "jobhome"; "jobdata" ]
let reserved_names = [ ".disco"; ".jobhome" ]

type job = {
  prefix : string;
  inputs : string list list;
  worker : string;
  owner : string;
  nr_reduces : int;
  has_map : bool;
  has_reduce : bool;
  scheduler : (string * Json.t) list;
}

(* ---- the layout *)

let check_size size =
  if size > max_pack_bytes then
    faultf "pack" "%d bytes are more than the %d allowed; put data into inputs or DDFS" size max_pack_bytes
  else Ok ()

let u16 = String.get_uint16_be
let u32 s at = Int32.to_int (String.get_int32_be s at) land 0xFFFFFFFF

let ascending offsets size =
  let rec from lowest = function
    | [] -> Ok ()
    | (name, offset) :: _ when offset < lowest ->
      faultf (name ^ "_offset") "%d lies before the end of what comes before it, at %d" offset lowest
    | (name, offset) :: _ when offset > size ->
      faultf (name ^ "_offset") "%d lies behind the end of the file at %d" offset size
    | (_, offset) :: rest -> from offset rest
  in
  from header_bytes offsets

let offsets_of header ~size =
  let* () = check_size size in
  if String.length header >= 2 && u16 header 0 <> magic then
    faultf "magic" "the file starts with %04x instead of d5c0: it is no job pack" (u16 header 0)
  else if String.length header < header_bytes then
    faultf "header" "the file ends after %d of the %d bytes of the header" (String.length header) header_bytes
  else if u16 header 2 <> version then
    faultf "version" "version %d is not supported; write version %d" (u16 header 2) version
  else
    let offsets = List.mapi (fun n name -> (name, u32 header (4 + (4 * n)))) sections in
    let* () = ascending offsets size in
    Ok offsets

let section_of_header header ~size name =
  let* offsets = offsets_of header ~size in
  let rec find = function
    | (found, start) :: rest when found = name ->
      let stop = match rest with (_, next) :: _ -> next | [] -> size in
      Ok (start, stop - start)
    | _ :: rest -> find rest
    | [] -> fault name "is no section of a job pack"
  in
  find offsets

(* ---- the two JSON sections *)

let json_object section text =
  match Json.decode ~unique:true text with
  | Error reason -> faultf section "not valid JSON (%s)" reason
  | Ok (`Assoc members) -> Ok members
  | Ok other -> faultf section "must be a JSON object, not %s" (Errors.quoted (Json.encode other))

let jobdict_of text = json_object "jobdict" text

let check_env (name, value) =
  let has_nul s = String.contains s '\000' in
  if name = "" || String.contains name '=' then
    faultf "jobenvs" "%s is no name of a variable: empty, or with '=' in it" (Errors.quoted name)
  else if has_nul name || has_nul value then
    faultf "jobenvs" "the name or value of %s holds a NUL" (Errors.quoted name)
  else if not (Utf8.is_valid name && Utf8.is_valid value) then
    faultf "jobenvs" "the name or value of %s is no text" (Errors.quoted name)
  else Ok ()

let rec each f = function
  | [] -> Ok []
  | one :: rest ->
    let* one = f one in
    let* rest = each f rest in
    Ok (one :: rest)

let jobenvs_of text =
  let* members = json_object "jobenvs" text in
  each
    (function
      | name, `String value ->
        let* () = check_env (name, value) in
        Ok (name, value)
      | name, other -> faultf "jobenvs" "%s must be text, not %s" (Errors.quoted name) (Json.encode other))
    members

let decode bytes =
  let size = String.length bytes in
  let header = String.sub bytes 0 (min header_bytes size) in
  let section name =
    let* start, length = section_of_header header ~size name in
    Ok (String.sub bytes start length)
  in
  let* dict = section "jobdict" in
  let* jobdict = jobdict_of dict in
  let* envs = section "jobenvs" in
  let* jobenvs = jobenvs_of envs in
  let* jobhome = section "jobhome" in
  let* jobdata = section "jobdata" in
  Ok { jobdict; jobenvs; jobhome; jobdata }

(* ---- the values of the job dictionary *)

let path_fault path =
  let raw_parts = String.split_on_char '/' path in
  let parts = List.filter (fun p -> p <> "" && p <> ".") raw_parts in
  let drive = String.length path >= 2 && path.[1] = ':' in
  List.find_map
    (fun (bad, reason) -> if Lazy.force bad then Some reason else None)
    [
      (lazy (not (Utf8.is_valid path)), "is not valid Unicode");
      (lazy (String.contains path '\000'), "holds a NUL");
      (lazy (String.contains path '\\'), "holds a backslash");
      (lazy (path <> "" && path.[0] = '/'), "is absolute");
      (lazy drive, "starts with a drive letter");
      (lazy (List.mem ".." parts), "leads out of the job home by '..'");
      (lazy (parts = [] || path.[String.length path - 1] = '/'), "names no file");
      (lazy (List.mem (List.hd parts) reserved_names), "is a name that Disco reserves for itself");
      (lazy (String.length path > max_path_bytes), "is too long");
      (lazy (List.exists (fun p -> String.length p > max_name_bytes) parts), "has a part that is too long");
    ]

let normal path = String.concat "/" (List.filter (fun p -> p <> "" && p <> ".") (String.split_on_char '/' path))

let get dict key check =
  match List.assoc_opt key dict with
  | Some value -> check ("jobdict." ^ key) value
  | None -> faultf ("jobdict." ^ key) "missing key '%s'" key

let optional dict key default check = if List.mem_assoc key dict then get dict key check else Ok default

let text field : Json.t -> _ = function
  | `String s when String.contains s '\000' -> fault field "holds a NUL"
  | `String s when not (Utf8.is_valid s) -> fault field "is no text that UTF-8 can express"
  | `String s -> Ok s
  | other -> faultf field "must be text, not %s" (Json.encode other)

let flag field : Json.t -> _ = function
  | `Bool b -> Ok b
  | other -> faultf field "must be true or false, not %s" (Json.encode other)

let whole ~low ~high field : Json.t -> _ = function
  | `Int n when n >= low && n <= high -> Ok n
  | other -> faultf field "must be a whole number from %d to %d, not %s" low high (Json.encode other)

let prefix field value =
  let* s = text field value in
  let legal = function 'a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '_' -> true | _ -> false in
  if s = "" then fault field "is empty; job names start with it"
  else if not (String.for_all legal s) then
    faultf field "invalid prefix %s: only a-z, A-Z, 0-9 and _ may be in it" (Errors.quoted s)
  else if String.length s > max_prefix_bytes then faultf field "has more than %d characters" max_prefix_bytes
  else Ok s

let worker field value =
  let* path = text field value in
  match path_fault path with
  | Some reason -> faultf field "%s %s; give its path below the job home" (Errors.quoted path) reason
  | None -> Ok (normal path)

let replicas field has_map value =
  let* urls =
    match value with
    | `List [] -> fault field "an input is an empty list; give it at least one URL"
    | `List (_ :: _ :: _) when not has_map ->
      fault field "redundant inputs in reduce: an input has replicas, so set map?"
    | `List urls -> each (text field) urls
    | one ->
      let* url = text field one in
      Ok [ url ]
  in
  if List.mem "" urls then fault field "an input has an empty URL" else Ok urls

let inputs has_map field = function
  | `List items -> each (replicas field has_map) items
  | other -> faultf field "must be a list of URLs or of lists of URLs, not %s" (Json.encode other)

let scheduler field value =
  match value with
  | `Assoc members ->
    let optional key check =
      match List.assoc_opt key members with
      | Some value -> Result.map Option.some (check (field ^ "." ^ key) value)
      | None -> Ok None
    in
    let* local = optional "force_local" flag in
    let* remote = optional "force_remote" flag in
    let* _ = optional "max_cores" (whole ~low:1 ~high:max_int) in
    let* _ =
      if List.assoc_opt "max_failures" members = Some `Null then Ok None
      else optional "max_failures" (whole ~low:0 ~high:max_int)
    in
    if local = Some true && remote = Some true then
      fault (field ^ ".force_remote") "excludes force_local: no node would be left; set one of them"
    else Ok members
  | other -> faultf field "must be an object, not %s; {} sets nothing" (Json.encode other)

let job_of dict =
  let* has_map = optional dict "map?" false flag in
  let* has_reduce = optional dict "reduce?" false flag in
  let* prefix = get dict "prefix" prefix in
  let* inputs = get dict "input" (inputs has_map) in
  let* worker = get dict "worker" worker in
  let* owner = get dict "owner" text in
  let* nr_reduces = get dict "nr_reduces" (whole ~low:0 ~high:max_reduces) in
  let* scheduler = get dict "scheduler" scheduler in
  Ok { prefix; inputs; worker; owner; nr_reduces; has_map; has_reduce; scheduler }

(* ---- the job home *)

let is_directory entry = entry.Zip.name <> "" && entry.Zip.name.[String.length entry.Zip.name - 1] = '/'

let entry_fault entry =
  let kind = entry.Zip.mode land 0o170000 in
  let name = entry.Zip.name in
  let path = if is_directory entry then String.sub name 0 (String.length name - 1) else name in
  if kind <> 0 && kind <> 0o100000 && kind <> 0o040000 then Some "is neither a file nor a directory"
  else path_fault path

let rec parents path =
  match String.rindex_opt path '/' with
  | None -> []
  | Some at ->
    let parent = String.sub path 0 at in
    parent :: parents parent

let check_names entries worker =
  let files = Hashtbl.create 64 in
  let* _ =
    each
      (fun entry ->
        match entry_fault entry with
        | Some reason -> faultf "jobhome" "the entry %s %s" (Errors.quoted entry.Zip.name) reason
        | None ->
          if not (is_directory entry) then Hashtbl.replace files (normal entry.Zip.name) ();
          Ok ())
      entries
  in
  let below_a_file entry = List.find_opt (Hashtbl.mem files) (parents (normal entry.Zip.name)) in
  match List.find_map below_a_file entries with
  | Some path -> faultf "jobhome" "%s would be both a file and a directory" (Errors.quoted path)
  | None ->
    if Hashtbl.mem files worker then Ok ()
    else faultf "jobdict.worker" "%s is not in the job home" (Errors.quoted worker)

let check pack =
  let* job = job_of pack.jobdict in
  match Zip.entries pack.jobhome with
  | Error reason -> fault "jobhome" reason
  | Ok entries ->
    let* () = check_names entries job.worker in
    Ok job

(* ---- making one *)

let by_key members = List.sort (fun (a, _) (b, _) -> String.compare a b) members

let encode pack =
  let* _ = each check_env pack.jobenvs in
  let* _ = check pack in
  let envs = List.map (fun (name, value) -> (name, `String value)) pack.jobenvs in
  let bodies =
    [ Json.encode (`Assoc (by_key pack.jobdict)); Json.encode (`Assoc (by_key envs)); pack.jobhome; pack.jobdata ]
  in
  let* () = check_size (List.fold_left (fun sum body -> sum + String.length body) header_bytes bodies) in
  let header = Bytes.make header_bytes '\000' in
  Bytes.set_uint16_be header 0 magic;
  Bytes.set_uint16_be header 2 version;
  let place (n, offset) body =
    Bytes.set_int32_be header (4 + (4 * n)) (Int32.of_int offset);
    (n + 1, offset + String.length body)
  in
  ignore (List.fold_left place (0, header_bytes) bodies);
  Ok (String.concat "" (Bytes.unsafe_to_string header :: bodies))

let jobdict_for job =
  let strings urls = `List (List.map (fun url -> `String url) urls) in
  let input = function [ url ] -> `String url | urls -> strings urls in
  [
    ("prefix", `String job.prefix);
    ("input", `List (List.map input job.inputs));
    ("worker", `String job.worker);
    ("owner", `String job.owner);
    ("nr_reduces", `Int job.nr_reduces);
    ("scheduler", `Assoc job.scheduler);
    ("map?", `Bool job.has_map);
    ("reduce?", `Bool job.has_reduce);
  ]

let make job ~envs ~files ~data =
  let pack =
    { jobdict = jobdict_for job; jobenvs = envs; jobhome = Zip.archive files; jobdata = data }
  in
  let* _ = each check_env envs in
  let* _ = check pack in
  Ok pack
