#!/usr/bin/perl
#
# Entity scores as the CoNLL-2000 shared task counted; the same as conlleval.py.

use 5.010;
use strict;
use warnings;

use File::Basename qw(basename);
use IO::Handle;

my $BOUNDARY = '-X-';
my $USAGE    = 'usage: conlleval.pl [-l] [-r] [-d DELIM] [-o OTAG] < FILE';

my $HELP = <<'HELP';
Score entities as the CoNLL-2000 shared task did; the same as conlleval.py.

  perl biocodes/conlleval.pl < NER_result_conll.txt

Each line of FILE is a word, any further columns, its gold label and its predicted
label; an empty line or one whose first column is -X- ends a sentence. An entity is
correct if its words and its type are exactly those of a gold entity.

  -l          print a LaTeX table instead of the text report
  -r          raw labels: a type alone, each word is an entity of one word
  -d DELIM    what separates columns, a regular expression (default: one space)
  -o OTAG     the label that raw data uses for "no entity" (default: O)
  -h, --help  show this help message and exit

Standard output is byte for byte that of the scorer of version 2004-01-26 (Tjong Kim
Sang and Buchholz 2000). Text is taken as bytes, so its encoding does not matter; a
byte-order mark and CRs at line ends are dropped. Exit status 1: a line with fewer or
more columns than the lines before it; 2: any other wrong input.
HELP

# Labels are kept as [tag, type]; this one is outside of any entity.
my $OUTSIDE = [ 'O', '' ];

# "TAG_BEFORE TAG" between which an entity starts or ends although the type stays the
# same. "E" is the last word of an entity that others of its type follow.
my %STARTS = map { $_ => 1 } 'O B', 'O I', 'O E', 'B B', 'I B', 'E E', 'E I';
my %ENDS   = map { $_ => 1 } 'B O', 'I O', 'E O', 'B B', 'I B', 'E E', 'E I';

my %IS_OUTSIDE     = map { $_ => 1 } 'O', '.';
my %IS_SINGLE_WORD = map { $_ => 1 } '[', ']';

main();

sub main {
    my $option = parse_flags(@ARGV);
    binmode $_ for *STDIN, *STDOUT;
    my $scores = evaluate( row_reader($option) );
    finish( $option->{latex} ? latex_report($scores) : report($scores) );
}

# Text on standard output, and the end.
sub finish {
    my ($text) = @_;
    print $text;
    close STDOUT or fail( 2, "standard output: cannot be written (\l$!)" );
    exit 0;
}

# One line on standard error, and the end.
sub fail {
    my ( $exit_status, $message ) = @_;
    print {*STDERR} basename($0), ": error: $message\n";
    exit $exit_status;
}

# Command line -> { latex, raw, delimiter (compiled), outside }.
sub parse_flags {
    my @rest      = @_;
    my %option    = ( latex => 0, raw => 0, outside => 'O' );
    my $delimiter = ' ';
    while (@rest) {
        my $flag = shift @rest;
        if ( $flag eq '-d' or $flag eq '-o' ) {
            fail( 2, "$flag: a value must follow; $USAGE" ) if not @rest;
        }
        finish("$USAGE\n\n$HELP") if $flag eq '-h' or $flag eq '--help';
        if    ( $flag eq '-l' ) { $option{latex}   = 1 }
        elsif ( $flag eq '-r' ) { $option{raw}     = 1 }
        elsif ( $flag eq '-d' ) { $delimiter       = shift @rest }
        elsif ( $flag eq '-o' ) { $option{outside} = shift @rest }
        else                    { fail( 2, "$flag: unknown argument; $USAGE" ) }
    }
    $option{delimiter} = compile_delimiter($delimiter);
    return \%option;
}

# The regular expression that separates columns. One that matches the empty text would
# make every character a column.
sub compile_delimiter {
    my ($delimiter) = @_;
    no warnings 'regexp';    # a doubtful one is the user's business
    my $pattern = eval { qr/$delimiter/ }
        // fail( 2, "-d: '$delimiter' is not a regular expression; "
            . 'put a backslash before characters like ( [ * +' );
    fail( 2, "-d: '$delimiter' matches between any two characters; "
            . 'give what stands between columns, with a backslash before '
            . 'characters like | * ?' )
        if '' =~ $pattern;
    return $pattern;
}

# A function that returns the next line of standard input as [gold, found, whether it
# is a word], and nothing at the end; a sentence's end is outside of any entity.
sub row_reader {
    my ($option) = @_;
    my $width = 0;
    my %known;    # label -> [tag, type]; there are few labels and many words
    my $split = sub { $known{ $_[0] } //= split_label( bio( $_[0], $option ) ) };
    return sub {
        my $line = <STDIN>;
        if ( not defined $line ) {
            fail( 2, "standard input: cannot be read (\l$!)" ) if STDIN->error;
            return;
        }
        my @columns = split_columns( $line, $option->{delimiter} );
        $width ||= @columns;
        if ( @columns and @columns != $width ) {
            fail( 1, "standard input:$.: columns: ${\ scalar @columns}, but $width "
                    . 'in the lines before; give every word the same columns' );
        }
        return [ $OUTSIDE, $OUTSIDE, 0 ]
            if not @columns or $columns[0] eq $BOUNDARY;
        fail( 2, "standard input:$.: one column where a gold and a predicted label "
                . 'are needed; is -d DELIM what separates the columns?' )
            if $width < 2;
        return [ $split->( $columns[-2] ), $split->( $columns[-1] ), 1 ];
    };
}

# The columns of a line, none empty at the end.
sub split_columns {
    my ( $line, $delimiter ) = @_;
    $line =~ s/\A\xEF\xBB\xBF// if $. == 1;
    $line =~ s/\r?\n\z//;
    return map { $_ // '' } split $delimiter, $line;
}

# A label as the file has it -> a BIO label (see the flags -r and -o).
sub bio {
    my ( $label, $option ) = @_;
    return $label if not $option->{raw};
    return $label eq 'O' || $label eq $option->{outside} ? 'O' : "B-$label";
}

# "B-gene-product" -> ["B", "gene-product"], "O" -> ["O", ""]. A type "0" is no type.
sub split_label {
    my ( $tag, $type ) = split /-/, $_[0], 2;
    return [ $tag // '', $type || '' ];
}

# Whether an entity starts at a label.
sub starts {
    my ( $tag_before, $type_before, $tag, $type ) = map { @{$_} } @_;
    return
           $STARTS{"$tag_before $tag"}
        || ( not $IS_OUTSIDE{$tag} and $type ne $type_before )
        || $IS_SINGLE_WORD{$tag}
        || 0;
}

# Whether an entity ends before a label.
sub ends {
    my ( $tag_before, $type_before, $tag, $type ) = map { @{$_} } @_;
    return
           $ENDS{"$tag_before $tag"}
        || ( not $IS_OUTSIDE{$tag_before} and $type ne $type_before )
        || $IS_SINGLE_WORD{$tag_before}
        || 0;
}

# Rows -> { tokens, correct_tokens, gold, found, correct }; the last three are hashes
# from an entity's type ("" without one) to a number of entities.
sub evaluate {
    my ($next_row) = @_;
    my ( $tokens, $correct_tokens ) = ( 0, 0 );
    my ( %gold, %found, %correct );
    my ( $gold_before, $found_before ) = ( $OUTSIDE, $OUTSIDE );
    my $agreeing = 0;    # inside a gold and a found entity that began as one
    while ( my $row = $next_row->() ) {
        my ( $gold, $found, $is_word ) = @{$row};
        my $same_type = $gold->[1] eq $found->[1];
        if ($is_word) {
            $tokens++;
            $correct_tokens++ if $same_type and $gold->[0] eq $found->[0];
        }
        if ($agreeing) {
            my $gold_ends  = ends( $gold_before,  $gold );
            my $found_ends = ends( $found_before, $found );
            my $same_type_before = $gold_before->[1] eq $found_before->[1];
            if ( $gold_ends and $found_ends and $same_type_before ) {
                $correct{ $gold_before->[1] }++;
                $agreeing = 0;
            }
            elsif ( $gold_ends != $found_ends or not $same_type ) {
                $agreeing = 0;
            }
        }
        my $gold_starts  = starts( $gold_before,  $gold );
        my $found_starts = starts( $found_before, $found );
        $gold{ $gold->[1] }++   if $gold_starts;
        $found{ $found->[1] }++ if $found_starts;
        $agreeing = 1 if $gold_starts and $found_starts and $same_type;
        ( $gold_before, $found_before ) = ( $gold, $found );
    }
    $correct{ $gold_before->[1] }++ if $agreeing;
    return {
        tokens         => $tokens,
        correct_tokens => $correct_tokens,
        gold           => \%gold,
        found          => \%found,
        correct        => \%correct,
    };
}

# Numbers of gold, found and correct entities -> precision, recall and F1 in percent.
sub measures {
    my ( $gold, $found, $correct ) = @_;
    my $precision = $found ? 100 * $correct / $found : 0;
    my $recall    = $gold  ? 100 * $correct / $gold  : 0;
    my $total     = $precision + $recall;
    return ( $precision, $recall, $total ? 2 * $precision * $recall / $total : 0 );
}

# Numbers of gold, found and correct entities of all types together.
sub overall {
    my ($scores) = @_;
    my @counts;
    for my $kind (qw(gold found correct)) {
        my $sum = 0;
        $sum += $_ for values %{ $scores->{$kind} };
        push @counts, $sum;
    }
    return @counts;
}

# The rows of a report, [type, gold, found, correct]. Entities without a type get their
# row twice if there are gold and found ones: so does the scorer, whose reports these
# are compared with.
sub type_rows {
    my ($scores) = @_;
    my ( $gold, $found, $correct ) = @{$scores}{qw(gold found correct)};
    my %types = ( %{$gold}, %{$found} );
    my @types = sort keys %types;
    unshift @types, '' if exists $gold->{''} and exists $found->{''};
    return map { [ $_, $gold->{$_} // 0, $found->{$_} // 0, $correct->{$_} // 0 ] }
        @types;
}

# A line of counts, a line of measures, a line per type.
sub report {
    my ($scores) = @_;
    my ( $gold, $found, $correct ) = overall($scores);
    my $tokens   = $scores->{tokens};
    my $measures = 'precision: %6.2f%%; recall: %6.2f%%; FB1: %6.2f';
    my $text     = "processed $tokens tokens with $gold phrases; "
        . "found: $found phrases; correct: $correct.\n";
    if ($tokens) {
        $text .= sprintf "accuracy: %6.2f%%; $measures\n",
            100 * $scores->{correct_tokens} / $tokens,
            measures( $gold, $found, $correct );
    }
    for my $row ( type_rows($scores) ) {
        my ( $type, @counts ) = @{$row};
        $text .= sprintf "%17s: $measures  %d\n", $type, measures(@counts), $counts[1];
    }
    return $text;
}

# The same measures as rows of a LaTeX table.
sub latex_report {
    my ($scores) = @_;
    my $measures = '%6.2f\\%% & %6.2f\\%% & %6.2f';
    my $text     = '        & Precision &  Recall  & F$_{\beta=1} \\\\\\hline';
    for my $row ( type_rows($scores) ) {
        my ( $type, @counts ) = @{$row};
        $text .= sprintf "\n%-7s &  $measures \\\\", $type, measures(@counts);
    }
    $text .= "\\hline\n";
    return $text . sprintf "Overall &  $measures \\\\\\hline\n",
        measures( overall($scores) );
}
