(* Job packs: the shared vectors, and that what is made here is taken. *)
open Disco

let text error = Format.asprintf "%a" Jobpack.pp_error error

let read name = Result.bind (Jobpack.decode (Vectors.read ("jobpack/" ^ name ^ ".pack")))

let valid name () =
  match read ("valid/" ^ name) (fun pack -> Result.map (fun job -> (pack, job)) (Jobpack.check pack)) with
  | Error error -> Alcotest.fail (text error)
  | Ok (pack, _) -> (
    match Result.bind (Jobpack.encode pack) Jobpack.decode with
    | Error error -> Alcotest.fail (text error)
    | Ok again ->
      Alcotest.(check string) "the home is the same" pack.Jobpack.jobhome again.Jobpack.jobhome;
      Alcotest.(check string) "so is the data" pack.Jobpack.jobdata again.Jobpack.jobdata)

(* Whether the archive's files are intact is seen by the node that unpacks them. *)
let seen_when_unpacked = [ "home-damaged" ]

let invalid name () =
  let reason = Vectors.read ("jobpack/invalid/" ^ name ^ ".reason") in
  let field = List.hd (String.split_on_char '\n' reason) in
  match read ("invalid/" ^ name) Jobpack.check with
  | Ok _ when List.mem name seen_when_unpacked -> ()
  | Ok _ -> Alcotest.failf "taken, against %s" reason
  | Error error -> Alcotest.(check string) (text error) field error.Jobpack.field

let job =
  {
    Jobpack.prefix = "words";
    inputs = [ [ "raw://a" ]; [ "raw://b"; "raw://c" ] ];
    worker = "worker";
    owner = "me";
    nr_reduces = 3;
    has_map = true;
    has_reduce = true;
    scheduler = [ ("max_cores", `Int 2) ];
  }

let files =
  [
    { Zip.path = "worker"; content = "#!/bin/sh\n"; executable = true };
    { Zip.path = "data/é.txt"; content = String.make 1000 'x'; executable = false };
  ]

let made ?(job = job) ?(files = files) ?(envs = [ ("A", "b") ]) () =
  Jobpack.make job ~envs ~files ~data:"\x00data"

let there_and_back () =
  let pack = Result.get_ok (made ()) in
  let bytes = Result.get_ok (Jobpack.encode pack) in
  Alcotest.(check string) "reproducible (2.6)" bytes
    (Result.get_ok (Jobpack.encode (Result.get_ok (made ~files:(List.rev files) ()))));
  let again = Result.get_ok (Jobpack.decode bytes) in
  Alcotest.(check bool) "the job is the same" true (Jobpack.check again = Ok job);
  Alcotest.(check string) "the data too" "\x00data" again.Jobpack.jobdata

let refused name field result () =
  match result () with
  | Ok _ -> Alcotest.failf "%s: taken" name
  | Error error -> Alcotest.(check string) (text error) field error.Jobpack.field

let of_job change = made ~job:(change job)

let cuts_are_refused () =
  let bytes = Result.get_ok (Jobpack.encode (Result.get_ok (made ()))) in
  for size = 0 to Jobpack.header_bytes + 200 do
    match Jobpack.decode (String.sub bytes 0 size) with
    | Error _ -> ()
    | Ok _ -> Alcotest.failf "%d bytes are taken" size
  done

let any_bytes s =
  match Result.bind (Jobpack.decode s) Jobpack.check with Ok _ | Error _ -> true

let mutated =
  QCheck.map
    (fun (at, byte) ->
      let bytes = Bytes.of_string (Result.get_ok (Jobpack.encode (Result.get_ok (made ())))) in
      Bytes.set bytes (at mod Bytes.length bytes) byte;
      Bytes.to_string bytes)
    QCheck.(pair small_nat char)

let property name arbitrary law =
  Alcotest.test_case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count:1000 arbitrary law))

let () =
  let vector run name = Alcotest.test_case name `Quick (run name) in
  let case = Alcotest.test_case in
  Alcotest.run "jobpack"
    [
      ("valid vectors", List.map (vector valid) (Vectors.names "jobpack/valid"));
      ("invalid vectors", List.map (vector invalid) (Vectors.names "jobpack/invalid"));
      ( "made here",
        [
          case "there and back" `Quick there_and_back;
          case "cut packs are refused" `Quick cuts_are_refused;
          case "a prefix of 128" `Quick (fun () ->
            Alcotest.(check bool) "ok" true
              (Result.is_ok (of_job (fun j -> { j with Jobpack.prefix = String.make 128 'p' }) ())));
          case "a prefix of 129" `Quick
            (refused "prefix" "jobdict.prefix" (of_job (fun j -> { j with Jobpack.prefix = String.make 129 'p' })));
          case "no worker" `Quick
            (refused "worker" "jobdict.worker" (of_job (fun j -> { j with Jobpack.worker = "other" })));
          case "replicas without a map" `Quick
            (refused "inputs" "jobdict.input" (of_job (fun j -> { j with Jobpack.has_map = false })));
          case "a bad variable" `Quick (refused "env" "jobenvs" (made ~envs:[ ("A=B", "") ]));
          property "mutated packs are judged" mutated any_bytes;
          property "any bytes are judged" QCheck.string any_bytes;
        ] );
    ]
