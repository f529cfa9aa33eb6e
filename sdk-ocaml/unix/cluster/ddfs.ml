open Disco

let ( let* ) = Result.bind

type t = { master : string }
type blob = string list

type tag = {
  id : string;
  version : int;
  last_modified : string;
  urls : blob list;
  attributes : (string * string) list;
}

let max_failed_nodes = 10
let created_patience_s = 120

let connect master =
  let size = String.length master in
  { master = (if size > 0 && master.[size - 1] = '/' then String.sub master 0 (size - 1) else master) }

let legal_name s =
  String.map (function ('a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '_' | '-' | '@' | ':') as c -> c | _ -> '_') s

let name_url t name = Printf.sprintf "%s/ddfs/tag/%s" t.master (Url.encode ~keep:":@" name)
let attribute_url t name key = name_url t name ^ "/" ^ Url.encode ~keep:":" key

let list ?(prefix = "") t =
  let url = Printf.sprintf "%s/ddfs/tags/%s" t.master (Url.encode ~keep:":@" prefix) in
  let* value = Rest.json "GET" url in
  Rest.strings url value

let rec all f = function
  | [] -> Ok []
  | one :: rest ->
    let* one = f one in
    let* rest = all f rest in
    Ok (one :: rest)

let blobs url = function
  | `List sets -> all (Rest.strings url) sets
  | value -> Rest.unexpected url value

let get ?token t name =
  let url = name_url t name in
  let* value = Rest.json ?token "GET" url in
  match value with
  | `Assoc members -> (
    let member key = List.assoc_opt key members in
    let attribute = function key, `String value -> Some (key, value) | _ -> None in
    match (member "id", member "version", member "last-modified", member "urls", member "user-data") with
    | Some (`String id), Some (`Int version), Some (`String last_modified), Some sets, Some (`Assoc data) ->
      let* urls = blobs url sets in
      Ok { id; version; last_modified; urls; attributes = List.filter_map attribute data }
    | _ -> Rest.unexpected url value)
  | value -> Rest.unexpected url value

let body_of urls =
  Http.Text
    (Json.encode (`List (List.map (fun set -> `List (List.map (fun url -> `String url) set)) urls)))

let append ?token ?(update = false) ?(delayed = false) t name urls =
  let flags = (if update then [ "update=1" ] else []) @ if delayed then [ "delayed=1" ] else [] in
  let query = if flags = [] then "" else "?" ^ String.concat "&" flags in
  Result.map ignore (Rest.json ?token ~body:(body_of urls) "POST" (name_url t name ^ query))

let replace ?token t name urls =
  Result.map ignore (Rest.json ?token ~body:(body_of urls) "PUT" (name_url t name))

let delete ?token t name = Result.map ignore (Rest.request ?token "DELETE" (name_url t name))

let attribute ?token t name key =
  let url = attribute_url t name key in
  let* value = Rest.json ?token "GET" url in
  match value with `String text -> Ok text | other -> Rest.unexpected url other

let set_attribute ?token t name key value =
  let body = Http.Text (Json.encode (`String value)) in
  Result.map ignore (Rest.request ?token ~body "PUT" (attribute_url t name key))

let delete_attribute ?token t name key =
  Result.map ignore (Rest.request ?token "DELETE" (attribute_url t name key))

(* ---- blobs *)

type content = Path of string | Bytes of string

let new_blob ?replicas ~exclude t name =
  let given =
    (match replicas with None -> [] | Some n -> [ Printf.sprintf "replicas=%d" n ])
    @ if exclude = [] then [] else [ "exclude=" ^ String.concat "," (List.map Url.encode exclude) ]
  in
  let query = if given = [] then "" else "?" ^ String.concat "&" given in
  let url = Printf.sprintf "%s/ddfs/new_blob/%s%s" t.master (Url.encode ~keep:":@" name) query in
  let* value = Rest.json "GET" url in
  Rest.strings url value

let put_blob target content =
  let body = match content with Path path -> Http.File path | Bytes s -> Http.Text s in
  let* value = Rest.json ~patience_s:created_patience_s ~body "PUT" target in
  match value with `String url -> Ok url | other -> Rest.unexpected target other

let host_of url =
  match Url.scheme url with
  | Some (_, rest) -> fst (Url.host_and_port (fst (Url.host_and_path rest)))
  | None -> ""

(* All replicas of a blob carry one name: when a node fails, it is stored again elsewhere under a new one, and garbage
   collection takes what was already sent. *)
let store ?replicas t name content =
  let name = legal_name name in
  let rec attempt exclude =
    let* targets = new_blob ?replicas ~exclude t name in
    let rec put stored = function
      | [] -> Ok (List.rev stored)
      | target :: rest -> (
        match put_blob target content with
        | Ok url -> put (url :: stored) rest
        | Error error ->
          if List.length exclude >= max_failed_nodes then Error error else attempt (host_of target :: exclude))
    in
    put [] targets
  in
  attempt []

let push ?token ?replicas ?update ?delayed t name contents =
  let* stored = all (fun (blob_name, content) -> store ?replicas t blob_name content) contents in
  let* () = append ?token ?update ?delayed t name stored in
  Ok stored

let save_outputs task ?token paths =
  let token = match token with Some _ -> token | None -> Sys.getenv_opt "DDFS_WRITE_TOKEN" in
  let info = Task.info task in
  let blob_name n =
    Printf.sprintf "disco:blob:%s:%s-%d-%d" info.Message.jobname
      (Message.mode_name info.Message.mode)
      info.Message.taskid n
  in
  let tag = "disco:job:results:" ^ info.Message.jobname in
  let contents = List.mapi (fun n path -> (blob_name n, Path path)) paths in
  match push ?token ~update:true ~delayed:true (connect info.Message.master) tag contents with
  | Ok _ -> Output.tag task tag
  | Error error ->
    Error (Errors.Transient (Format.asprintf "the outputs could not be saved: %a" Rest.pp_error error))
