(* The clients and a worker against a real master: the one that the variable DISCO_MASTER names. Skipped without it. *)
open Disco_unix

let timeout_s = 120.0
let rest = function Ok value -> value | Error error -> Alcotest.failf "%a" (fun ppf -> Rest.pp_error ppf) error
let ok = function Ok value -> value | Error error -> Alcotest.failf "%a" (fun ppf -> Job.pp_error ppf) error
let master () = Sys.getenv "DISCO_MASTER"
let program name = Filename.concat (Sys.getcwd ()) name

let refused what = function
  | Error { Rest.status = Some 401; _ } -> ()
  | Error error -> Alcotest.failf "%s: %a" what (fun ppf -> Rest.pp_error ppf) error
  | Ok _ -> Alcotest.failf "%s: no token was asked for" what

let tag_name kind = Printf.sprintf "test:ocaml:%s:%d:%.0f" kind (Unix.getpid ()) (Unix.gettimeofday () *. 1e6)

let content ?token master urls =
  let all = Buffer.create 100 in
  let add bytes offset length =
    Buffer.add_subbytes all bytes offset length;
    Ok ()
  in
  ok (Job.bytes ?token ~master urls add);
  Buffer.contents all

let ddfs () =
  let master = master () in
  let ddfs = Ddfs.connect master and tag = tag_name "ddfs" in
  let blob = String.init 300_000 (fun n -> Char.chr (n mod 251)) in
  let stored = rest (Ddfs.push ddfs tag [ ("a", Ddfs.Bytes blob); ("empty", Ddfs.Bytes "") ]) in
  Alcotest.(check int) "two blobs" 2 (List.length (rest (Ddfs.get ddfs tag)).Ddfs.urls);
  rest (Ddfs.append ~update:true ddfs tag [ List.hd stored ]);
  Alcotest.(check int) "nothing was new" 2 (List.length (rest (Ddfs.get ddfs tag)).Ddfs.urls);
  Alcotest.(check bool) "read back" true (content master [ "tag://" ^ tag ] = blob);
  Alcotest.(check bool) "listed" true (List.mem tag (rest (Ddfs.list ~prefix:"test:ocaml:" ddfs)));
  rest (Ddfs.set_attribute ddfs tag "owner" "ann \"x\"");
  Alcotest.(check string) "attribute" "ann \"x\"" (rest (Ddfs.attribute ddfs tag "owner"));
  rest (Ddfs.delete_attribute ddfs tag "owner");
  Alcotest.(check bool) "no attribute" true (Result.is_error (Ddfs.attribute ddfs tag "owner"));
  rest (Ddfs.set_attribute ddfs tag "ddfs:write-token" "w");
  rest (Ddfs.set_attribute ~token:"w" ddfs tag "ddfs:read-token" "r");
  refused "reading without a token" (Ddfs.get ddfs tag);
  refused "writing with the token for reading" (Ddfs.replace ~token:"r" ddfs tag []);
  Alcotest.(check int) "with it" 2 (List.length (rest (Ddfs.get ~token:"r" ddfs tag)).Ddfs.urls);
  rest (Ddfs.replace ~token:"w" ddfs tag [ List.hd stored ]);
  rest (Ddfs.delete ~token:"w" ddfs tag);
  match Ddfs.get ddfs tag with
  | Error { Rest.status = Some 404; _ } -> ()
  | _ -> Alcotest.fail "the tag is still there"

let run ?envs worker inputs =
  let master = master () in
  let pack = ok (Job.pack ?envs ~prefix:"ocaml" ~partitions:2 ~worker:(program worker) ~inputs ()) in
  let job = ok (Job.submit ~master pack) in
  (master, job, Job.wait ~master ~timeout_s job)

let counts () =
  let master, job, results = run "../examples/wordcount.exe" [ [ "raw://a%20b%20a" ]; [ "raw://b%20a" ] ] in
  let lines = ref [] in
  let add line =
    lines := line :: !lines;
    Ok ()
  in
  ok (Job.lines ~master (ok results) add);
  Alcotest.(check (list string)) "counts" [ "a 3"; "b 2" ] (List.sort compare !lines);
  ok (Job.clean ~master job);
  ok (Job.purge ~master job);
  match Job.wait ~master job with Error (Job.Failed _) -> () | _ -> Alcotest.fail "it is still known"

let fails () =
  match run "../examples/wordcount.exe" [ [ "file:///not/there" ] ] with
  | _, _, Error (Job.Failed { reason; _ }) when reason <> "status dead" -> ()
  | _ -> Alcotest.fail "no reason"

let records ?token master urls =
  let found = ref [] in
  let add key value =
    found := (key, value) :: !found;
    Ok ()
  in
  ok (Job.records ?token ~master urls add);
  List.sort compare !found

(* The tag of the results is made with the token, which then is asked for. *)
let saved token () =
  let envs = Option.to_list (Option.map (fun token -> ("DDFS_WRITE_TOKEN", token)) token) in
  let master, job, results = run ~envs "saving_worker.exe" [ [ "raw://a%20b%20a" ]; [ "raw://b%20a" ] ] in
  let tag = "disco:job:results:" ^ job in
  let urls = List.sort_uniq compare (ok results) in
  Alcotest.(check (list string)) "the results" [ "tag://" ^ tag ] urls;
  Alcotest.(check (list (pair string string))) "counts" [ ("a", "3"); ("b", "2") ] (records ?token master urls);
  if token <> None then begin
    refused "reading" (Ddfs.get (Ddfs.connect master) tag);
    refused "deleting" (Ddfs.delete ~token:"another" (Ddfs.connect master) tag)
  end;
  rest (Ddfs.delete ?token (Ddfs.connect master) tag)

let is_there () = match Sys.getenv_opt "DISCO_MASTER" with Some url -> url <> "" | None -> false

let tests () =
  let case = Alcotest.test_case in
  Alcotest.run "master"
    [
      ("ddfs", [ case "tags, blobs and tokens of a master" `Quick ddfs ]);
      ( "jobs",
        [
          case "a word count on a master" `Quick counts;
          case "a job that fails says why" `Quick fails;
          case "results kept in DDFS" `Quick (saved None);
          case "results kept with a token" `Quick (saved (Some "secret"));
        ] );
    ]

let () = if is_there () then tests () else print_endline "test_master: left out: DISCO_MASTER names no master"
