#pragma once

#include <string>

namespace datong::tools {

// How a person in this folder starts this program: "datong" when that is what PATH finds, else the
// program's full path as one word of a shell. For commands that are printed to be typed.
std::string ProgramPath();
// Where this program lies, and the services' programs beside it.
std::string ProgramFolder();

// The text as one word of a shell, in quotation marks where it needs them.
std::string ShellWord(const std::string& text);

}  // namespace datong::tools
