(* No exception leaves the API: whatever the bytes and wherever the files, there is a result. *)
open Disco
open Disco_unix
open Disco_testing

let count = 2000

(* Bytes of which some look like what is expected, so that more than the first check is reached. *)
let bytes =
  let piece =
    QCheck.Gen.(
      oneof
        [
          string_size (int_bound 20);
          oneofl
            [
              "TASK 2 {}\n"; "INPUT 4 [1,]\n"; "\xD1\x01\x00\x00"; "\xD1\x01\x02\x00"; "\xD5\xC0\x00\x01"; "[[[{\"a\":";
              "0 disco://h/x\n"; "-1 "; "\\ud800\""; "\x1F\x8B\x08"; "dir://"; "disco://h"; "http://h:x/"; "%f";
              "99999999999999999999";
            ];
        ])
  in
  QCheck.make ~print:String.escaped QCheck.Gen.(map (String.concat "") (list_size (int_bound 6) piece))

let frames s =
  let reader = Frame.reader () in
  Frame.feed reader (Bytes.of_string s) 0 (String.length s);
  let rec all () = match Frame.next reader with `Frame frame -> read frame | `Await | `Error _ -> ()
  and read frame =
    ignore (Parse.message Message.Disco frame);
    ignore (Parse.message Message.Worker frame);
    all ()
  in
  all ()

let hunks s =
  let reader = Hunk.reader ~codecs:Codecs.all "url" in
  Hunk.feed reader (Bytes.of_string s) 0 (String.length s);
  let rec all () =
    match Hunk.next reader with
    | `Batch batch ->
      ignore (Hunk.iter batch (fun _ _ -> Ok ()));
      all ()
    | `Await -> ignore (Hunk.finish reader)
    | `Error _ -> ()
  in
  all ()

let decoders =
  [
    ("frames and messages", frames);
    ("hunks", hunks);
    ("JSON", fun s -> ignore (Json.decode s));
    ("written JSON", fun s -> ignore (Json.encode (`String s)));
    ("job packs", fun s -> ignore (Result.map Jobpack.check (Jobpack.decode s)));
    ("ZIP", fun s -> ignore (Zip.entries s));
    ("indexes", fun s -> ignore (Index.parse ~url:s s));
    ("gzip", fun s -> ignore (Codecs.gunzip ~max_bytes:1000 s));
    ("URLs", fun s -> ignore (Url.decode s, Url.scheme s, Url.host_and_path s, Url.host_and_port s, Url.encode s));
    ("numbers", fun s -> ignore (Mapreduce.total (List.to_seq [ s; "1" ])));
    ("partition", fun s -> ignore (List.map (Partition.partition s) [ -1; 0; 1; 7 ]));
  ]

let bears f s =
  f s;
  true

(* What the network and the disk refuse. *)
let place = { Fetch.host = "127.0.0.1"; disco_port = 1; disco_data = "/none"; ddfs_data = "/none"; label = Some 0 }

let urls =
  [
    ""; "/"; "/none"; "file://"; "file:///none"; "file:///"; "raw://"; "raw://%"; "disco://"; "disco://127.0.0.1";
    "disco://127.0.0.1/disco/x"; "disco://127.0.0.1/ddfs/\000"; "dir://"; "dir://127.0.0.1/disco/x"; "dir://127.0.0.1:1/i.gz"; "http://";
    "http://127.0.0.1:1/x"; "http://127.0.0.1:99999/x"; "http://[::"; "https://127.0.0.1:1/"; "tag://x"; "x"; "://";
    "gopher://x"; "http://a b/\n";
  ]

let opens url () =
  let progress = Reading.start () in
  ignore (Fetch.expand place url);
  ignore (Reading.bytes place url progress (fun _ _ _ -> Ok ()))

let nowhere = "http://127.0.0.1:1"

let clients () =
  let ddfs = Ddfs.connect nowhere in
  let refused what result = Alcotest.(check bool) what true (Result.is_error result) in
  refused "list" (Ddfs.list ddfs);
  refused "a name that is none" (Ddfs.get ddfs "a b/../\000");
  refused "a file that is not there" (Ddfs.store ddfs "b" (Ddfs.Path "/none"));
  refused "a folder" (Ddfs.push ddfs "t" [ ("b", Ddfs.Path "/") ]);
  refused "no URL at all" (Ddfs.list (Ddfs.connect "nonsense"));
  refused "a worker that is not there" (Job.pack ~prefix:"p" ~worker:"/none" ~inputs:[] ());
  refused "a worker that is a folder" (Job.pack ~prefix:"p" ~worker:"/" ~inputs:[] ());
  refused "results" (Job.lines ~master:nowhere [ "disco://127.0.0.1:1/x"; "" ] (fun _ -> Ok ()));
  refused "a job" (Job.kill ~master:nowhere "j")

let sorts () =
  let sort = Sort.create ~memory_bytes:1 ~folder:"/none" () in
  Alcotest.(check bool) "a run" true (Result.is_error (Sort.add sort "key" "value"))

(* A program that raises is told of as ERROR, and one that is given a bad job file too. *)
let programs () =
  Scratch.with_folder (fun folder ->
    let ends program =
      match Fake_disco.run ~folder (Fake_disco.Program program) [ Fake_disco.task [] ] with
      | Ok ([ { Fake_disco.ending = Gave_up _; _ } ], Unix.WEXITED 1) -> ()
      | _ -> Alcotest.fail "no ERROR"
    in
    ends (fun _ -> failwith "told to");
    ends (fun _ -> raise Exit);
    ends (fun task ->
      Unix.unlink (Task.info task).Message.jobfile;
      Result.map ignore (Task.jobdict task));
    ends (fun task ->
      let output = Result.get_ok (Output.create task ~name:"no-such-folder/x" Message.Disco_file) in
      Output.close output))

let () =
  let case = Alcotest.test_case in
  let property (name, f) =
    case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count bytes (bears f)))
  in
  Alcotest.run "total"
    [
      ("any bytes", List.map property decoders);
      ("any URL", List.map (fun url -> case (Printf.sprintf "%S" url) `Quick (opens url)) urls);
      ( "the outside",
        [ case "clients" `Quick clients; case "a sort" `Quick sorts; case "programs" `Quick programs ] );
    ]
