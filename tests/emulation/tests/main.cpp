// Runs the case named on the command line; without one, lists all. 0: it went well. 3: an exception, whose text goes to
// standard output for the caller to judge.
#include <cstring>
#include <exception>

#include "check.h"

int main(int count, char** arguments) {
  for (const test::Case& entry : test::cases()) {
    if (count < 2) {
      std::puts(entry.name);
    } else if (std::strcmp(entry.name, arguments[1]) == 0) {
      try {
        entry.run();
        return 0;
      } catch (const std::exception& error) {
        std::puts(error.what());
        return 3;
      }
    }
  }
  return count < 2 ? 0 : 2;
}
