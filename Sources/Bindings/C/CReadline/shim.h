// CReadline: the system's libreadline for Swift. Readline is configured through global variables, which Swift 6 cannot
// access safely; these functions set and read them.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <readline/readline.h>
#include <readline/history.h>

static inline int pv_rl_input_descriptor(void) { return rl_instream ? fileno(rl_instream) : 0; }

// Readline's terminal settings, except that a read never waits for a byte: Ctrl-C empties the terminal's queue after
// the signal, so a key that poll saw may be gone. Readline restores the terminal from its own copy of the settings.
static inline void pv_rl_prepare(int meta) {
  struct termios settings;
  int descriptor = pv_rl_input_descriptor();
  rl_prep_terminal(meta);
  if (tcgetattr(descriptor, &settings) != 0 || settings.c_lflag & ICANON) return;
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = 0;
  tcsetattr(descriptor, TCSADRAIN, &settings);
}

// Readline installs no signal handlers: the program calls the editor on an interrupt and on a new terminal size.
static inline void pv_rl_configure(rl_completion_func_t *complete, rl_getc_func_t *read_key) {
  rl_readline_name = "pageviews";
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_change_environment = 0;
  rl_attempted_completion_function = complete;
  rl_getc_function = read_key;
  rl_prep_term_function = pv_rl_prepare;
  rl_completer_word_break_characters = (char *)" \t\n\"'`@$><=;|&{(,)+-*/%[]!~";
  rl_completer_quote_characters = "";
}

static inline const char *pv_rl_line(void) { return rl_line_buffer ? rl_line_buffer : ""; }

// suffix: the character to append to the only match, 0 for none.
static inline void pv_rl_completion_style(int suffix, int is_file_name) {
  rl_attempted_completion_over = 1;
  rl_completion_append_character = suffix;
  rl_completion_suppress_append = suffix == 0;
  rl_filename_completion_desired = is_file_name;
  rl_sort_completion_matches = is_file_name;
}

static inline char **pv_rl_file_matches(const char *text) {
  return rl_completion_matches(text, rl_filename_completion_function);
}

// Discards the line in any state of the editor (search, argument, completion).
static inline void pv_rl_abandon_line(void) {
  rl_free_line_state();
  rl_callback_sigcleanup();
  rl_replace_line("", 0);
  rl_point = rl_mark = rl_end = 0;
  fputs("^C\n", stdout);
  fflush(stdout);
}

// Sets up the terminal again after SIGCONT: the shell changed its settings meanwhile.
static inline void pv_rl_resume(void) {
  if (rl_deprep_term_function) (*rl_deprep_term_function)();
  if (rl_prep_term_function) (*rl_prep_term_function)(1);
  rl_on_new_line();
  rl_redisplay();
}

static inline void pv_rl_insert(const char *text) {
  rl_insert_text(text);
  rl_redisplay();
}
