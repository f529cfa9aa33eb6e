type key = Bytes of string | Int of int | Nothing | Tuple of key list

let partition key n = if n <= 1 then 0 else Crc32.string key mod n

let rec canonical = function
  | Bytes s -> s
  | Int n -> string_of_int n
  | Nothing -> ""
  | Tuple elements ->
    let all = Buffer.create 64 in
    List.iter
      (fun element ->
        let bytes = canonical element in
        Buffer.add_int32_le all (Int32.of_int (String.length bytes));
        Buffer.add_string all bytes)
      elements;
    Buffer.contents all
