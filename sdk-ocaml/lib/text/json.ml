type t = Yojson.Basic.t

let max_depth = 512

(* Never leaves this module: [decode] turns it into a result. *)
exception Fault of int * string

type cursor = { text : string; unique : bool; mutable at : int }

let fault cursor reason = raise (Fault (cursor.at, reason))

(* NUL stands for the end: it can begin nothing in JSON. *)
let peek c = if c.at < String.length c.text then String.unsafe_get c.text c.at else '\000'
let skip c = c.at <- c.at + 1

let rec blanks c =
  match peek c with
  | ' ' | '\t' | '\n' | '\r' ->
    skip c;
    blanks c
  | _ -> ()

let expect c wanted =
  if peek c = wanted && c.at < String.length c.text then skip c
  else fault c (Printf.sprintf "expected %C" wanted)

let word c text value =
  let size = String.length text in
  if c.at + size <= String.length c.text && String.sub c.text c.at size = text then begin
    c.at <- c.at + size;
    value
  end
  else fault c "expected a JSON value"

let hex_digit c =
  let value =
    match peek c with
    | '0' .. '9' as d -> Char.code d - Char.code '0'
    | 'a' .. 'f' as d -> Char.code d - Char.code 'a' + 10
    | 'A' .. 'F' as d -> Char.code d - Char.code 'A' + 10
    | _ -> fault c "expected four hexadecimal digits"
  in
  skip c;
  value

let four_digits c =
  let rec more n value = if n = 0 then value else more (n - 1) ((value * 16) + hex_digit c) in
  more 4 0

(* A high surrogate joins the low one behind it; if there is none it stays alone. *)
let unicode_escape c buffer =
  let code = four_digits c in
  let pair_follows =
    code land 0xFC00 = 0xD800
    && c.at + 1 < String.length c.text
    && c.text.[c.at] = '\\'
    && c.text.[c.at + 1] = 'u'
  in
  if not pair_follows then Utf8.add buffer code
  else begin
    let before = c.at in
    c.at <- c.at + 2;
    let low = four_digits c in
    if low land 0xFC00 = 0xDC00 then
      Utf8.add buffer (0x10000 + ((code land 0x3FF) lsl 10) + (low land 0x3FF))
    else begin
      c.at <- before;
      Utf8.add buffer code
    end
  end

let escape c buffer =
  let letter = peek c in
  skip c;
  match letter with
  | '"' | '\\' | '/' -> Buffer.add_char buffer letter
  | 'b' -> Buffer.add_char buffer '\b'
  | 'f' -> Buffer.add_char buffer '\012'
  | 'n' -> Buffer.add_char buffer '\n'
  | 'r' -> Buffer.add_char buffer '\r'
  | 't' -> Buffer.add_char buffer '\t'
  | 'u' -> unicode_escape c buffer
  | _ ->
    c.at <- c.at - 1;
    fault c "unknown escape"

let rec plain_end text i =
  if i < String.length text then
    match String.unsafe_get text i with
    | '"' | '\\' | '\000' .. '\031' -> i
    | _ -> plain_end text (i + 1)
  else i

let string c =
  expect c '"';
  let start = c.at in
  let stop = plain_end c.text start in
  c.at <- stop;
  if peek c = '"' then begin
    skip c;
    String.sub c.text start (stop - start)
  end
  else begin
    let buffer = Buffer.create (2 * (stop - start + 16)) in
    Buffer.add_substring buffer c.text start (stop - start);
    let rec more () =
      let start = c.at in
      c.at <- plain_end c.text start;
      Buffer.add_substring buffer c.text start (c.at - start);
      if c.at >= String.length c.text then fault c "the string does not end";
      match peek c with
      | '"' -> skip c
      | '\\' ->
        skip c;
        escape c buffer;
        more ()
      | _ -> fault c "a control character must be escaped"
    in
    more ();
    Buffer.contents buffer
  end

let rec digits c =
  match peek c with
  | '0' .. '9' ->
    skip c;
    digits c
  | _ -> ()

let some_digits c =
  match peek c with '0' .. '9' -> digits c | _ -> fault c "expected a digit"

let number c =
  let start = c.at in
  if peek c = '-' then skip c;
  if peek c = '0' then skip c else some_digits c;
  let whole = c.at in
  if peek c = '.' then begin
    skip c;
    some_digits c
  end;
  (match peek c with
   | 'e' | 'E' ->
     skip c;
     (match peek c with '+' | '-' -> skip c | _ -> ());
     some_digits c
   | _ -> ());
  let text = String.sub c.text start (c.at - start) in
  match if c.at = whole then int_of_string_opt text else None with
  | Some n -> `Int n
  | None -> `Float (float_of_string text)

let rec value c depth : t =
  if depth > max_depth then fault c "nested too deeply";
  match peek c with
  | '"' -> `String (string c)
  | '[' -> `List (items c ']' (fun () -> value c (depth + 1)))
  | '{' -> `Assoc (last_of_equal c (items c '}' (fun () -> member c (depth + 1))))
  | '-' | '0' .. '9' -> number c
  | 't' -> word c "true" (`Bool true)
  | 'f' -> word c "false" (`Bool false)
  | 'n' -> word c "null" `Null
  | _ -> fault c "expected a JSON value"

and member c depth =
  let key = string c in
  blanks c;
  expect c ':';
  blanks c;
  (key, value c depth)

and items : 'a. cursor -> char -> (unit -> 'a) -> 'a list =
 fun c close item ->
  skip c;
  blanks c;
  if peek c = close then begin
    skip c;
    []
  end
  else begin
    let rec more found =
      let found = item () :: found in
      blanks c;
      if peek c = ',' then begin
        skip c;
        blanks c;
        more found
      end
      else begin
        expect c close;
        List.rev found
      end
    in
    more []
  end

and last_of_equal c members =
  let seen = Hashtbl.create 16 in
  List.fold_left
    (fun kept (key, value) ->
      if Hashtbl.mem seen key then
        if c.unique then fault c (Printf.sprintf "the key %S is there twice" key) else kept
      else begin
        Hashtbl.add seen key ();
        (key, value) :: kept
      end)
    [] (List.rev members)

let decode ?(unique = false) text =
  match Utf8.first_fault text with
  | Some at -> Error (Printf.sprintf "byte %d is not UTF-8" at)
  | None -> (
    let c = { text; unique; at = 0 } in
    try
      blanks c;
      let found = value c 0 in
      blanks c;
      if c.at < String.length text then fault c "one JSON text was expected, and more follows";
      Ok found
    with Fault (at, reason) -> Error (Printf.sprintf "%s at byte %d" reason at))

let rec repaired : t -> t = function
  | `String s -> `String (Utf8.repair s)
  | `List items -> `List (List.rev (List.rev_map repaired items))
  | `Assoc members -> `Assoc (List.map (fun (key, value) -> (Utf8.repair key, repaired value)) members)
  | (`Null | `Bool _ | `Int _ | `Float _) as other -> other

let encode value = Yojson.Basic.to_string (repaired value)
