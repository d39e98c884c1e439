// CReadline: what Swift needs to see of the system's libreadline. Readline is configured through global variables, which
// Swift 6 does not let anyone touch; here they get functions.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <readline/readline.h>
#include <readline/history.h>

static inline int pv_rl_input_descriptor(void) { return rl_instream ? fileno(rl_instream) : 0; }

// Readline's settings of the terminal, but a read never waits for a byte. A key that poll has seen may be gone when it is
// read: Ctrl-C empties the queue after it has sent the signal. Readline puts the terminal back from its own copy.
static inline void pv_rl_prepare(int meta) {
  struct termios settings;
  int descriptor = pv_rl_input_descriptor();
  rl_prep_terminal(meta);
  if (tcgetattr(descriptor, &settings) != 0 || settings.c_lflag & ICANON) return;
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = 0;
  tcsetattr(descriptor, TCSADRAIN, &settings);
}

// Signals stay with the program: the editor is told of an interrupt and of a new terminal size by calls.
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

// suffix: the character that follows the only match, 0 for none.
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

// Gives up the line, whatever state the editor is in (search, argument, completion).
static inline void pv_rl_abandon_line(void) {
  rl_free_line_state();
  rl_callback_sigcleanup();
  rl_replace_line("", 0);
  rl_point = rl_mark = rl_end = 0;
  fputs("^C\n", stdout);
  fflush(stdout);
}

// After the process was stopped and continued: the shell in between has set the terminal as it likes it.
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
