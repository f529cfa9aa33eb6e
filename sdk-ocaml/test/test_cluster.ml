(* The clients of DDFS and of jobs, against a small HTTP server that has the interfaces' answers and checks the questions. *)
open Disco
open Disco_unix

let rest = function Ok value -> value | Error error -> Alcotest.failf "%a" (fun ppf -> Rest.pp_error ppf) error
let ok = function Ok value -> value | Error error -> Alcotest.failf "%a" (fun ppf -> Job.pp_error ppf) error
let master port = Printf.sprintf "http://127.0.0.1:%d" port

(* A server that answers what [table] has, and 404 with what it was asked for otherwise. *)
let with_master table f =
  let answer _ { Little_server.verb; target; headers; body } =
    let token = Option.value (List.assoc_opt "authorization" headers) ~default:"" in
    match List.find_opt (fun (question, _) -> question = (verb, target)) table with
    | Some (_, respond) -> respond ~token ~body
    | None -> Little_server.status 404 (verb ^ " " ^ target)
  in
  Little_server.with_server answer (fun port -> f (master port) port)

let says text ~token:_ ~body:_ = Little_server.ok text

(* Answers [text] when the body and the token are the expected ones. *)
let wants ?(token = "") ~body text ~token:given ~body:sent =
  if sent = body && given = token then Little_server.ok text
  else Little_server.status 400 (Printf.sprintf "body %S, token %S" sent given)

(* "token:t" *)
let basic_t = "Basic dG9rZW46dA=="

let tag_json =
  {|{"version":1,"id":"data:x$1","last-modified":"2026/01/01","urls":[["disco://a/ddfs/1","disco://b/ddfs/1"],["tag://y"]],"user-data":{"k":"v"}}|}

let tags () =
  let urls = {|[["disco://a/ddfs/1","disco://b/ddfs/1"],["tag://y"]]|} in
  with_master
    [
      (("GET", "/ddfs/tags/data:"), says {|["data:x","data:y"]|});
      (("GET", "/ddfs/tag/data:x"), wants ~token:basic_t ~body:"" tag_json);
      (("POST", "/ddfs/tag/data:x?update=1&delayed=1"), wants ~token:basic_t ~body:urls urls);
      (("PUT", "/ddfs/tag/data:x"), wants ~body:urls urls);
      (("DELETE", "/ddfs/tag/data:x"), says {|"deleted"|});
      (("GET", "/ddfs/tag/data:x/k"), says {|"v"|});
      (("PUT", "/ddfs/tag/data:x/ddfs:read-token"), wants ~body:{|"se\"cret"|} {|"se\"cret"|});
      (("DELETE", "/ddfs/tag/data:x/k"), says {|"deleted"|});
    ]
    (fun master _ ->
      let ddfs = Ddfs.connect (master ^ "/") in
      Alcotest.(check (list string)) "list" [ "data:x"; "data:y" ] (rest (Ddfs.list ~prefix:"data:" ddfs));
      let tag = rest (Ddfs.get ~token:"t" ddfs "data:x") in
      Alcotest.(check (list (pair string string))) "attributes" [ ("k", "v") ] tag.Ddfs.attributes;
      Alcotest.(check int) "replica sets" 2 (List.length tag.Ddfs.urls);
      rest (Ddfs.append ~token:"t" ~update:true ~delayed:true ddfs "data:x" tag.Ddfs.urls);
      rest (Ddfs.replace ddfs "data:x" tag.Ddfs.urls);
      Alcotest.(check string) "attribute" "v" (rest (Ddfs.attribute ddfs "data:x" "k"));
      rest (Ddfs.set_attribute ddfs "data:x" "ddfs:read-token" "se\"cret");
      rest (Ddfs.delete_attribute ddfs "data:x" "k");
      rest (Ddfs.delete ddfs "data:x");
      match Ddfs.get ddfs "lost" with
      | Error { Rest.status = Some 404; _ } -> ()
      | _ -> Alcotest.fail "no 404")

let blob = String.init 100_000 (fun n -> Char.chr (n land 0xFF))

(* The first node named fails: the blob goes to the other one. *)
let pushes () =
  let answer count { Little_server.verb; target; body; headers } =
    ignore count;
    let host = List.assoc "host" headers in
    match (verb, String.split_on_char '?' target) with
    | "GET", [ "/ddfs/new_blob/my_blob"; "replicas=1" ] ->
      Little_server.ok (Printf.sprintf {|["http://%s/full/my_blob$1"]|} host)
    | "GET", [ "/ddfs/new_blob/my_blob"; "replicas=1&exclude=127.0.0.1" ] ->
      Little_server.ok (Printf.sprintf {|["http://%s/ddfs/my_blob$2"]|} host)
    | "PUT", [ "/full/my_blob$1" ] -> Little_server.status 500 "disk full"
    | "PUT", [ "/ddfs/my_blob$2" ] ->
      if body = blob then Little_server.status 201 {|"disco://n/ddfs/my_blob$2"|}
      else Little_server.status 400 "another body"
    | "POST", [ "/ddfs/tag/t" ] when body = {|[["disco://n/ddfs/my_blob$2"]]|} -> Little_server.ok "[]"
    | _ -> Little_server.status 404 (verb ^ " " ^ target)
  in
  Little_server.with_server answer (fun port ->
    Scratch.with_folder (fun folder ->
      let path = Scratch.write folder "blob" blob in
      let ddfs = Ddfs.connect (master port) in
      List.iter
        (fun content ->
          let stored = rest (Ddfs.push ~replicas:1 ddfs "t" [ ("my blob", content) ]) in
          Alcotest.(check (list (list string))) "stored" [ [ "disco://n/ddfs/my_blob$2" ] ] stored)
        [ Ddfs.Path path; Ddfs.Bytes blob ]))

(* A task that keeps its output in DDFS, and says so with a tag. *)
let saves () =
  let tag = "disco:job:results:test@0" in
  let answer _ { Little_server.verb; target; body; headers } =
    let host = List.assoc "host" headers in
    match (verb, target) with
    | "GET", "/ddfs/new_blob/disco:blob:test@0:map-0-0" ->
      Little_server.ok (Printf.sprintf {|["http://%s/put/b"]|} host)
    | "PUT", "/put/b" when body = "kept" -> Little_server.status 201 {|"disco://n/ddfs/b"|}
    | "POST", _ when target = "/ddfs/tag/" ^ tag ^ "?update=1&delayed=1" && body = {|[["disco://n/ddfs/b"]]|} ->
      Little_server.ok "[]"
    | _ -> Little_server.status 404 (verb ^ " " ^ target)
  in
  let program task =
    let ( let* ) = Result.bind in
    let* output = Output.create task Message.Tag in
    let* () = Output.write output "kept" in
    let* path = Output.finish output in
    Ddfs.save_outputs task [ path ]
  in
  Little_server.with_server answer (fun port ->
    Scratch.with_folder (fun folder ->
      let report =
        Disco_testing.Fake_disco.(run ~master:(master port) ~folder (Program program) [ task [] ])
      in
      match report with
      | Ok ([ { Disco_testing.Fake_disco.outputs = [ { location; kind = Message.Tag } ]; ending; _ } ], _) ->
        Alcotest.(check string) "the tag is the output" tag location;
        Alcotest.(check bool) "DONE" true (ending = Disco_testing.Fake_disco.Done)
      | Ok ([ { Disco_testing.Fake_disco.ending = Gave_up reason; _ } ], _) | Error reason -> Alcotest.fail reason
      | Ok _ -> Alcotest.fail "no tag"))

let busy_master () =
  let answer count _ = if count < 2 then Little_server.status 503 "busy" else Little_server.ok "[]" in
  Little_server.with_server answer (fun port ->
    Alcotest.(check (list string)) "is asked again" [] (rest (Ddfs.list (Ddfs.connect (master port)))))

let no_master () =
  match Ddfs.list (Ddfs.connect "http://127.0.0.1:1") with
  | Error { Rest.status = None; _ } -> ()
  | _ -> Alcotest.fail "an answer from nobody"

(* ---- jobs *)

let submitted ~token:_ ~body =
  match Result.bind (Jobpack.decode body) (fun pack -> Result.map (fun j -> (pack, j)) (Jobpack.check pack)) with
  | Ok ({ Jobpack.jobdata = "\x00data"; _ }, { Jobpack.prefix = "words"; nr_reduces = 3; worker = "w"; _ }) ->
    Little_server.ok {|["ok","words@1"]|}
  | Ok _ -> Little_server.ok {|["error","another job"]|}
  | Error { Jobpack.field; reason } -> Little_server.ok (Json.encode (`List [ `String "error"; `String (field ^ reason) ]))

let pack folder prefix =
  let worker = Scratch.write folder "w" "#!/bin/sh\n" in
  ok (Job.pack ~prefix ~worker ~inputs:[ [ "raw://a" ] ] ~partitions:3 ~data:"\x00data" ())

let submits () =
  Scratch.with_folder (fun folder ->
    with_master
      [ (("POST", "/disco/job/new"), submitted) ]
      (fun master _ ->
        Alcotest.(check string) "its name" "words@1" (ok (Job.submit ~master (pack folder "words")));
        match Job.submit ~master (pack folder "other") with
        | Error (Job.Refused "another job") -> ()
        | _ -> Alcotest.fail "not refused"))

let answers status = Printf.sprintf {|[["j@1",[%s]]]|} status

let waits () =
  let answer count { Little_server.target; _ } =
    match (target, count) with
    | "/disco/ctrl/get_results", (0 | 2) -> Little_server.ok (answers {|"active",[]|})
    | "/disco/ctrl/get_results", 1 -> Little_server.status 503 "restarting"
    | "/disco/ctrl/get_results", _ -> Little_server.ok (answers {|"ready",["dir://n/i"]|})
    | _ -> Little_server.status 404 target
  in
  Little_server.with_server answer (fun port ->
    Alcotest.(check (list string)) "results" [ "dir://n/i" ] (ok (Job.wait ~master:(master port) "j@1")))

let dies () =
  with_master
    [
      (("POST", "/disco/ctrl/get_results"), says (answers {|"dead",[]|}));
      (("GET", "/disco/ctrl/jobinfo?name=j@1"), says {|{"failure":"worker is missing"}|});
    ]
    (fun master _ ->
      match Job.wait ~master "j@1" with
      | Error (Job.Failed { reason = "worker is missing"; _ }) -> ()
      | _ -> Alcotest.fail "no reason")

let times_out () =
  with_master
    [ (("POST", "/disco/ctrl/get_results"), says (answers {|"active",[]|})) ]
    (fun master _ ->
      match Job.wait ~master ~timeout_s:0.2 "j@1" with
      | Error (Job.Timeout _) -> ()
      | _ -> Alcotest.fail "no timeout")

let reads_results () =
  let stream =
    let all = Buffer.create 100 in
    let writer = Hunk.writer ~codec:Codecs.zlib (fun hunk -> Ok (Buffer.add_string all hunk)) in
    Result.get_ok (Hunk.add writer "k" "v");
    Result.get_ok (Hunk.flush writer);
    Buffer.contents all
  in
  let answer _ { Little_server.target; headers; _ } =
    match target with
    | "/disco/i" -> Little_server.ok (Printf.sprintf "0 disco://%s/disco/r\n" (List.assoc "host" headers))
    | "/disco/r" -> Little_server.ok stream
    | "/ddfs/tag/t" ->
      Little_server.ok
        (Printf.sprintf
           {|{"version":1,"id":"t$1","last-modified":"","urls":[["http://127.0.0.1:1/x","http://%s/disco/r"],["tag://t"]],"user-data":{}}|}
           (List.assoc "host" headers))
    | _ -> Little_server.status 404 target
  in
  Little_server.with_server answer (fun port ->
    let found = ref [] in
    let add key value =
      found := (key, value) :: !found;
      Ok ()
    in
    let dir = Printf.sprintf "dir://127.0.0.1:%d/disco/i" port in
    ok (Job.records ~master:(master port) [ dir; "tag://t" ] add);
    Alcotest.(check (list (pair string string))) "of an index and of a tag" [ ("k", "v"); ("k", "v") ] !found)

let () =
  let case = Alcotest.test_case in
  Alcotest.run "cluster"
    [
      ( "ddfs",
        [
          case "tags, attributes, tokens" `Quick tags;
          case "pushing, when a node fails" `Quick pushes;
          case "outputs of a task" `Quick saves;
          case "a busy master" `Quick busy_master;
          case "no master" `Quick no_master;
        ] );
      ( "jobs",
        [
          case "submitting" `Quick submits;
          case "waiting" `Quick waits;
          case "a job that dies" `Quick dies;
          case "a job that takes long" `Quick times_out;
          case "results" `Quick reads_results;
        ] );
    ]
