(* UTF-8, JSON, CRC-32 and URLs: what the protocol's texts are made of. *)
open Disco

let check_string = Alcotest.(check string)

let strict_json () =
  let refused =
    [ "NaN"; "Infinity"; "/* */ 1"; "[1,]"; "{\"a\":1,}"; "01"; "+1"; "1."; ".5"; "\"\n\""; "'a'"; ""; " "; "1 2";
      "\xEF\xBB\xBF1"; "\"\xE9\""; "\"\\x41\""; "\"\\u12\""; "nul"; "\"a"; "[1"; "{\"a\"}"; "-"; "1e"; "\x00" ]
  in
  List.iter
    (fun text ->
      Alcotest.(check bool) (Errors.quoted text) true (Result.is_error (Json.decode text)))
    refused;
  let taken = [ ("\t[ 1 , -0 , 2e3 ]\r\n", "[1,0,2000.0]"); ("{\"a\":{}}", "{\"a\":{}}"); ("\"\\u00e9\"", "\"é\"") ] in
  List.iter
    (fun (text, canonical) ->
      match Json.decode text with
      | Ok value -> check_string text canonical (Json.encode value)
      | Error reason -> Alcotest.failf "%s: %s" text reason)
    taken

let json_depth () =
  let nested n = String.make n '[' ^ String.make n ']' in
  Alcotest.(check bool) "at the limit" true (Result.is_ok (Json.decode (nested (Json.max_depth + 1))));
  Alcotest.(check bool) "over it" true (Result.is_error (Json.decode (nested (Json.max_depth + 2))))

let json_surrogates () =
  check_string "a pair" "\"😀\"" (Json.encode (Result.get_ok (Json.decode {|"\ud83d\ude00"|})));
  check_string "a half" "\xED\xA0\xBD" (match Json.decode {|"\ud83d"|} with Ok (`String s) -> s | _ -> "?")

let json_keys () =
  let twice = {|{"a":1,"b":2,"a":3}|} in
  check_string "the last counts" {|{"b":2,"a":3}|} (Json.encode (Result.get_ok (Json.decode twice)));
  Alcotest.(check bool) "unique" true (Result.is_error (Json.decode ~unique:true twice))

let json_integers () =
  let is_int text = match Json.decode text with Ok (`Int _) -> true | _ -> false in
  Alcotest.(check bool) "63 bits" true (is_int "4611686018427387903");
  Alcotest.(check bool) "64 bits" false (is_int "4611686018427387904");
  Alcotest.(check bool) "a fraction" false (is_int "1.0")

let utf8 () =
  Alcotest.(check (option int)) "valid" None (Utf8.first_fault "aé€😀");
  List.iter
    (fun bad -> Alcotest.(check (option int)) (Errors.quoted bad) (Some 1) (Utf8.first_fault ("a" ^ bad)))
    [ "\xC0\x80"; "\xE0\x80\x80"; "\xED\xA0\x80"; "\xF4\x90\x80\x80"; "\xF8"; "\x80"; "\xE2\x82"; "\xF0\x9F\x98" ];
  check_string "repaired" "a\xEF\xBF\xBDb" (Utf8.repair "a\xFFb")

let crc () =
  Alcotest.(check int) "of the RFC" 0xCBF43926 (Crc32.string "123456789");
  Alcotest.(check int) "of nothing" 0 (Crc32.string "");
  let s = String.init 1000 (fun n -> Char.chr (n * 7 land 0xFF)) in
  let zlib = Int32.to_int (Zlib.update_crc_string 0l s 3 990) land 0xFFFFFFFF in
  Alcotest.(check int) "as zlib has it" zlib (Crc32.substring s 3 990)

let urls () =
  check_string "percent" "a b%zz%" (Url.decode "a%20b%zz%");
  check_string "there and back" "a b/é\x00" (Url.decode (Url.encode "a b/é\x00"));
  Alcotest.(check (option (pair string string))) "scheme" (Some ("raw", "a://b")) (Url.scheme "raw://a://b");
  Alcotest.(check (option (pair string string))) "none" None (Url.scheme "/a/b");
  Alcotest.(check (pair string (option int))) "port" ("h", Some 80) (Url.host_and_port "h:80")

let property name arbitrary law =
  Alcotest.test_case name `Quick (fun () -> QCheck.Test.check_exn (QCheck.Test.make ~count:2000 arbitrary law))

let () =
  Alcotest.run "text"
    [
      ( "json",
        [
          Alcotest.test_case "nothing but JSON is taken (2.5)" `Quick strict_json;
          Alcotest.test_case "nesting is bounded" `Quick json_depth;
          Alcotest.test_case "surrogates" `Quick json_surrogates;
          Alcotest.test_case "equal keys" `Quick json_keys;
          Alcotest.test_case "integers" `Quick json_integers;
          property "any string survives" QCheck.string (fun s ->
            Json.decode (Json.encode (`String s)) = Ok (`String (Utf8.repair s)));
          property "any bytes are taken or refused" QCheck.string (fun s ->
            match Json.decode s with Ok _ | Error _ -> true);
        ] );
      ( "bytes",
        [
          Alcotest.test_case "UTF-8" `Quick utf8;
          Alcotest.test_case "CRC-32" `Quick crc;
          Alcotest.test_case "URLs" `Quick urls;
          property "repaired text is valid" QCheck.string (fun s -> Utf8.is_valid (Utf8.repair s));
        ] );
    ]
