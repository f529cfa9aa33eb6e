let max_short_digits = 17

let number s =
  let size = String.length s in
  let rec from at value =
    if at = size then value
    else
      match String.unsafe_get s at with
      | '0' .. '9' as c -> from (at + 1) ((10 * value) + Char.code c - Char.code '0')
      | _ -> Option.value (int_of_string_opt s) ~default:0
  in
  if size <= max_short_digits then from 0 0 else Option.value (int_of_string_opt s) ~default:0

let rec digits n = if n < 10 then 1 else 1 + digits (n / 10)

let text n =
  if n < 0 then string_of_int n
  else begin
    let written = Bytes.create (digits n) in
    let rest = ref n in
    for at = Bytes.length written - 1 downto 0 do
      Bytes.unsafe_set written at (Char.unsafe_chr (Char.code '0' + (!rest mod 10)));
      rest := !rest / 10
    done;
    Bytes.unsafe_to_string written
  end
