#!/usr/bin/perl
# A Disco worker in Perl, with nothing but what every Perl has. docs/write-a-worker.md is its story.
#
# `words` is the word count that one would run; all other behaviours are for the conformance sessions.
# A failure is told by what has to happen next: die {say => 'FATAL'} ends the job, {say => 'ERROR'} and any
# other death have the task tried again, {say => ''} means that nobody listens any more.
use strict;
use warnings;
use utf8;
use B ();
use Compress::Zlib ();
use Fcntl qw(F_GETFL F_SETFL O_APPEND);
use File::Path ();
use HTTP::Tiny;
use IO::Uncompress::Gunzip ();
use JSON::PP ();
use Time::HiRes ();

use constant {
    MAX_PAYLOAD_BYTES => 100 * 1024 * 1024,
    REPLY_TIMEOUT_S   => 600,
    FIRST_PAUSE_S     => 0.1,
    LONGEST_PAUSE_S   => 5,
    HUNK_BYTES        => 1024 * 1024,
};
my $json = JSON::PP->new->utf8->allow_nonref;
my ($task, $replies, $requests, $prints, $buffer, $folder) = (undef, undef, undef, undef, '', '');

# ---- frames

sub say_frame {
    my ($name, $payload) = @_;
    my $text = $json->encode($payload);
    my $frame = sprintf "%s %d %s\n", $name, length $text, $text;
    while (length $frame) {
        my $written = syswrite $requests, $frame or die {say => ''};
        substr($frame, 0, $written) = '';
    }
}

sub more {
    my $ready = '';
    vec($ready, fileno $replies, 1) = 1;
    select($ready, undef, undef, REPLY_TIMEOUT_S) or die {say => ''};
    sysread $replies, $buffer, 65536, length $buffer or die {say => ''};
}

sub read_frame {
    my ($name, $length);
    until (($name, $length) = $buffer =~ /\A([A-Z_]{1,10}) (0|[1-9][0-9]{0,8}) /) {
        broken('what came is no frame')
            if length $buffer && $buffer !~ /\A[A-Z_]{1,10}(?: (?:0|[1-9][0-9]{0,8})?)?\z/;
        more();
    }
    my $start = length "$name $length ";
    broken("a payload of $length bytes is too long") if $length > MAX_PAYLOAD_BYTES;
    more() while length $buffer <= $start + $length;
    broken("no line feed after the $length bytes of $name") if substr($buffer, $start + $length, 1) ne "\n";
    my $payload = substr $buffer, $start, $length;
    substr($buffer, 0, $start + $length + 1) = '';
    my $value = eval { $json->decode($payload) };
    fatal("the payload of $name is no JSON: $@") if $@;
    return ($name, $value);
}

# One request, one reply. Gives the payload, and in list context the name before it.
sub ask {
    my ($request, $payload, @expected) = @_;
    say_frame($request, $payload);
    my ($name, $value) = read_frame();
    fatal("$name does not answer $request") unless grep { $_ eq $name } @expected;
    return wantarray ? ($name, $value) : $value;
}

sub fatal  { die {say => 'FATAL', text => "@_"} }
sub failed { die {say => 'ERROR', text => "@_"} }
sub broken { die {say => 'ERROR', text => "@_", unanswered => 1} }

# ---- the shapes of what Disco says

# JSON tells 1 from "1", and Perl still knows which it was.
sub flags      { defined $_[0] && !ref $_[0] ? B::svref_2object(\$_[0])->FLAGS : 0 }
sub is_text    { flags($_[0]) & B::SVf_POK }
sub is_integer { flags($_[0]) & B::SVf_IOK && !is_text($_[0]) }
sub is_list    { ref $_[0] eq 'ARRAY' && (@_ == 1 || @{$_[0]} == $_[1]) }
sub is_one_of  { my $value = shift; is_text($value) && grep { $_ eq $value } @_ }

sub check_task {
    my ($info) = @_;
    fatal('TASK carries no object') if ref $info ne 'HASH';
    is_integer($info->{$_}) or fatal("TASK lacks $_, or it is no integer") for qw(taskid disco_port put_port);
    is_text($info->{$_}) or fatal("TASK lacks $_, or it is no text")
        for qw(host master jobname mode disco_data ddfs_data jobfile);
    fatal("unknown mode $info->{mode}") unless is_one_of($info->{mode}, 'map', 'reduce');
    return $info;
}

sub check_inputs {
    my ($list) = @_;
    is_list($list, 2) && is_one_of($list->[0], 'more', 'done') && is_list($list->[1])
        or fatal('INPUT must carry ["more" or "done", list]');
    for my $input (@{$list->[1]}) {
        is_list($input, 3) && is_integer($input->[0]) && is_one_of($input->[1], 'ok', 'busy', 'failed')
            or fatal('an input must be [id, status, replicas]');
        check_replicas($input->[2]);
    }
    return @$list;
}

sub check_replicas {
    my ($list) = @_;
    is_list($list) or fatal('replicas must be a list');
    is_list($_, 2) && is_integer($_->[0]) && is_text($_->[1]) or fatal('a replica must be [id, url]')
        for @$list;
    return $list;
}

# ---- inputs

# Calls the function with the data of each input, once, as soon as it can be read.
sub each_input {
    my ($function) = @_;
    my (%read, $waits);
    my $pause_s = FIRST_PAUSE_S;
    while (1) {
        my $request = %read ? ['exclude', [sort { $a <=> $b } map { $_ + 0 } keys %read]] : '';
        my ($flag, $inputs) = check_inputs(scalar ask('INPUT', $request, 'INPUT'));
        $waits = $flag eq 'more';
        for my $input (grep { !$read{$_->[0]} } @$inputs) {
            my $data = $input->[1] eq 'busy' ? undef : read_input($input->[0], $input->[2]);
            if (defined $data) { $read{$input->[0]} = 1; $function->($data) }
            else { $waits = 1 }
        }
        return unless $waits;
        Time::HiRes::sleep($pause_s);
        $pause_s = $pause_s * 2 < LONGEST_PAUSE_S ? $pause_s * 2 : LONGEST_PAUSE_S;
    }
}

# The whole of an input, from the first replica that gives it; undef when Disco wants us to ask again.
sub read_input {
    my ($id, $replicas) = @_;
    while (1) {
        my (@tried, $why);
        for my $replica (@$replicas) {
            my $data = eval { fetch($replica->[1]) };
            return $data if defined $data;
            ($why = "$replica->[1]: $@") =~ s/ at \S+ line \d+\.\n//;
            push @tried, $replica->[0];
        }
        my ($name, $value) = ask('INPUT_ERR', [$id, \@tried], 'RETRY', 'WAIT', 'FAIL');
        failed("input $id cannot be read: " . ($why // 'it has no replica')) if $name eq 'FAIL';
        if ($name eq 'WAIT') {
            is_integer($value) && $value > 0 or fatal('WAIT must carry seconds');
            Time::HiRes::sleep($value);
            return;
        }
        $replicas = check_replicas($value);
        fatal('RETRY without replicas') unless @$replicas;
    }
}

# ---- from URLs to bytes; dies when it cannot

sub fetch {
    my ($url) = @_;
    my ($scheme, $rest) = $url =~ m{\A(\w+)://(.*)\z}s or die "no URL\n";
    if ($scheme eq 'raw') {
        utf8::encode($rest);
        $rest =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
        return $rest;
    }
    return http($url) if $scheme eq 'http';
    return plain($rest, read_file($rest)) if $scheme eq 'file';
    return disco($rest) if $scheme eq 'disco';
    return index_of($rest) if $scheme eq 'dir';
    die "unknown scheme $scheme\n";
}

sub http {
    my ($url) = @_;
    my $reply = HTTP::Tiny->new(timeout => 60)->get($url);
    die "HTTP status $reply->{status}\n" if $reply->{status} != 200;
    return $reply->{content};
}

sub disco {
    my ($host, $path) = $_[0] =~ m{\A([^/]*)/(.*)\z}s or die "no host\n";
    if ($host eq $task->{host} && $path =~ m{\A(disco|ddfs)/(.*)\z}s) {
        my $file = $task->{"${1}_data"} . "/$2";
        return read_file($file) if "/$2/" !~ m{/\.\./} && -e $file;
    }
    return http("http://$host:$task->{disco_port}/$path");
}

# A reduce reads the lines of its own label, a map all of them.
sub index_of {
    my ($rest) = @_;
    my @found;
    for (split /\n/, plain($rest, disco($rest))) {
        my ($label, $url) = /\A([0-9]+) (.+)\z/ or die "a line of the index is not `label url`: $_\n";
        push @found, fetch($url) if $task->{mode} eq 'map' || $label == $task->{taskid};
    }
    return join '', @found;
}

sub plain {
    my ($name, $data) = @_;
    return $data if $name !~ /\.gz\z/;
    IO::Uncompress::Gunzip::gunzip(\$data => \my $plain, MultiStream => 1)
        or die "damaged gzip data: $IO::Uncompress::Gunzip::GunzipError\n";
    return $plain;
}

sub read_file {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    my $data = <$file>;
    close $file or die "$path: $!\n";
    return $data // '';
}

# ---- outputs

sub output {
    my ($name, $data, $type, @label) = @_;
    File::Path::make_path($folder);
    my $path = "$folder/$name";
    open my $file, '>:raw', $path or failed("$path: $!");
    print {$file} $data and close $file or failed("$path: $!");
    ask('OUTPUT', [$path, $type, @label], 'OK');
}

# ---- records: hunks of key and value, which every SDK reads

sub hunk {
    my ($records, $raw) = @_;
    my $stored = Compress::Zlib::compress($raw);
    my $crc = Compress::Zlib::crc32($stored);
    return pack 'C4 V4 a*', 0xD1, 1, 1, 0, length $raw, length $stored, $records, $crc, $stored;
}

sub hunks_of {
    my ($pairs) = @_;
    my ($made, $raw, $records) = ('', '', 0);
    for my $key (sort keys %$pairs) {
        $raw .= pack 'V/a* V/a*', $key, $pairs->{$key};
        $records++;
        next if length $raw < HUNK_BYTES;
        $made .= hunk($records, $raw);
        ($raw, $records) = ('', 0);
    }
    return $records ? $made . hunk($records, $raw) : $made;
}

# Calls the function with each key and value. Codec 0 is none, 1 is zlib.
sub each_record {
    my ($data, $function) = @_;
    for (my $at = 0; $at < length $data;) {
        my $head = substr $data, $at, 20;
        failed("no hunk of keys and values at byte $at") unless $head =~ /\A\xD1\x01[\x00\x01]\x00.{16}\z/s;
        my ($codec, $raw_bytes, $stored_bytes, $records, $crc) = unpack 'x2 C x V4', $head;
        my $stored = substr $data, $at + 20, $stored_bytes;
        failed("the hunk at byte $at is damaged") if Compress::Zlib::crc32($stored) != $crc;
        my $raw = $codec ? Compress::Zlib::uncompress($stored) : $stored;
        failed("the hunk at byte $at is damaged") if !defined $raw || length $raw != $raw_bytes;
        my @fields = unpack '(V/a*)*', $raw;
        failed("the hunk at byte $at has other records than it says") if @fields != 2 * $records;
        while (my ($key, $value) = splice @fields, 0, 2) { $function->($key, $value) }
        $at += 20 + $stored_bytes;
    }
}

# ---- what a task does

# The word count: a map makes a part for each reduce, a reduce adds up the parts of its label.
sub words {
    my %count;
    if ($task->{mode} eq 'reduce') {
        each_input(sub { each_record($_[0], sub { $count{$_[0]} += $_[1] }) });
        return output('counts', hunks_of(\%count), 'disco');
    }
    each_input(sub { $count{$_}++ for $_[0] =~ /\S+/ag });
    my $labels = job_dict()->{nr_reduces};
    my @parts;
    $parts[Compress::Zlib::crc32($_) % $labels]{$_} = $count{$_} for keys %count;
    $parts[$_] and output("part-$_", hunks_of($parts[$_]), 'part', $_) for 0 .. $#parts;
}

# The first section of the job pack.
sub job_dict {
    my $pack = read_file($task->{jobfile});
    my ($magic, $version, $start, $end) = unpack 'n n N N', $pack;
    failed("$task->{jobfile} is no job pack") if $magic != 0xD5C0 || $version != 1;
    return $json->decode(substr $pack, $start, $end - $start);
}

sub echo {
    my $all = '';
    each_input(sub { $all .= $_[0] });
    output('echo', $all, 'disco');
}

sub wordcount {
    my %count;
    each_input(sub {
        if ($task->{mode} eq 'map') { $count{$_}++ for $_[0] =~ /\S+/ag }
        else { $count{$1} += $2 while $_[0] =~ /(.*) ([0-9]+)\n?/g }
    });
    output('counts', join('', map { "$_ $count{$_}\n" } sort keys %count), 'part', 0);
}

sub split_words {
    my ($labels) = @_;
    my @parts;
    each_input(sub { $parts[Compress::Zlib::crc32($_) % $labels] .= "$_\n" for $_[0] =~ /\S+/ag });
    defined $parts[$_] and output("part-$_", $parts[$_], 'part', $_) for 0 .. $#parts;
}

# HEX, or HEX*TIMES.
sub print_of {
    my ($hex, $times) = split /\*/, $_[0];
    return pack('H*', $hex) x ($times // 1);
}

my %behaviours = (
    words         => \&words,
    echo          => \&echo,
    wordcount     => \&wordcount,
    split         => sub { split_words($_[0] || 3) },
    say           => sub { ask('MSG', "line $_ — ünïcode", 'OK') for 0 .. ($_[0] || 3) - 1; echo() },
    ping          => sub { ask('PING', '', 'OK') for 1 .. $_[0] || 3; echo() },
    'fail-error'  => sub { failed('told to fail: café') },
    'fail-fatal'  => sub { fatal('told to fail: café') },
    crash         => sub { kill 'KILL', $$ },
    noisy         => sub { print "a print\nDONE 2 \"\"\n"; warn 'a warning without end of line'; echo() },
    slow          => sub { Time::HiRes::sleep($_[0] || 1); echo() },
    print         => sub { print print_of($_[0]); echo() },
    'spawn-child' => sub { system('echo a child; echo its errors >&2') and failed("child: $?"); echo() },
);

# ---- the process

# Only frames may reach the old standard error, and only we may read the old standard input.
sub take_over_streams {
    open $replies,  '<&', \*STDIN  or die;
    open $requests, '>&', \*STDERR or die;
    open $prints, '+>', undef or die;
    fcntl $prints, F_SETFL, O_APPEND | fcntl $prints, F_GETFL, 0;
    open STDIN,  '<', '/dev/null' or die;
    open STDOUT, '>&', $prints or die;
    open STDERR, '>&', $prints or die;
    $SIG{$_} = 'IGNORE' for qw(PIPE XFSZ);    # a write that fails is to be told, not to kill us
}

sub tell_prints {
    STDOUT->flush;
    seek $prints, 0, 0;
    while (my $line = <$prints>) {
        chomp $line;
        utf8::decode($line);
        ask('MSG', $line, 'OK');
    }
}

sub run_task {
    ask('WORKER', {version => '1.0', pid => $$}, 'OK');
    $task = check_task(scalar ask('TASK', '', 'TASK'));
    $folder = sprintf '.out/%s-%d-%d-%.0f', $task->{mode}, $task->{taskid}, $$, 1e6 * Time::HiRes::time();
    my ($name, $argument) = split /@/, $task->{jobname}, 2;
    my $behaviour = $behaviours{$name} or fatal("this worker has no behaviour $name");
    $behaviour->($argument);
    tell_prints();
    ask('DONE', '', 'OK');
}

take_over_streams();
exit 0 if eval { run_task(); 1 };
my $error = ref $@ ? $@ : {say => 'ERROR', text => "$@"};
eval {
    tell_prints() unless $error->{unanswered} || !$error->{say};
    say_frame($error->{say}, $error->{text}) if $error->{say};
    read_frame() if $error->{say} && !$error->{unanswered};
};
exit 1;
